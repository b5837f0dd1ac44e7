//! The server moves to another address while it runs.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use arachne_server::{Access, Auth, ServeError};

use crate::client::get;
use crate::world::World;

fn at(address: impl Into<SocketAddr>) -> Access {
    Access {
        listen: address.into(),
        public_url: None,
        auth: Auth::Required,
        tls: None,
        beacons: None,
        own_series: true,
    }
}

/// A server on a port that it knows by its number, as one that is configured does.
fn world() -> World {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a free port");
    World::with(|config| (config.access.listen, config.access.auth) = (free, Auth::Required))
}

fn answers(world: &World) -> bool {
    world.send(&get("/api/v1/me").with("Authorization", &format!("Bearer {}", world.token))).status == 200
}

#[test]
fn from_one_address_to_all_and_back_on_the_same_port() {
    let world = world();
    let port = world.address.port();
    let elsewhere = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), port));
    assert!(answers(&world) && TcpStream::connect(elsewhere).is_err());
    world.control.change(at((Ipv4Addr::UNSPECIFIED, port))).expect("nobody else has the port");
    TcpStream::connect(elsewhere).expect("all addresses are listened on");
    world.control.change(at(world.address)).expect("nobody else has the port");
    assert!(answers(&world) && TcpStream::connect(elsewhere).is_err());
}

#[test]
fn an_address_that_another_has_leaves_the_old_one_as_it_was() {
    let world = world();
    let port = world.address.port();
    let _other = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), port)).expect("nobody has it");
    let refused = world.control.change(at((Ipv4Addr::UNSPECIFIED, port))).expect_err("another has a part of it");
    assert!(matches!(refused, ServeError::Listen { .. }), "{refused}");
    assert!(answers(&world));
}
