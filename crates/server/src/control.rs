//! Changing a server while it runs: where it listens, who may ask, its certificate. Nothing that is being answered is given up.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use arachne_aggregate::template::Rule;
use arachne_delivery::instructions::{AgentConfig, Wrong};
use arachne_telemetry::{codes, emit};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::agents::{RegistryError, check};
use crate::app::{App, now};
use crate::config::{Auth, TlsFiles};
use crate::listen::{Door, Entrance, House};
use crate::serve::ServeError;
use crate::tls::Tls;

/// Who may ask, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Where it listens. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Where agents of other hosts find it, as `https://HOST[:PORT]`, when something that ends TLS stands in front of it.
    pub public_url: Option<String>,
    /// Who may ask.
    pub auth: Auth,
    /// The certificate. Without one plain HTTP is spoken on loopback; elsewhere the server makes one in `tls/` of the data
    /// folder.
    pub tls: Option<TlsFiles>,
    /// Whether browsers may tell how pages were loaded. Where nothing is said: on loopback.
    pub beacons: Option<bool>,
    /// Whether the server keeps its own figures as series.
    pub own_series: bool,
}

impl Access {
    /// Whether beacons are taken.
    pub(crate) fn takes_beacons(&self) -> bool {
        self.beacons.unwrap_or(self.listen.ip().is_loopback())
    }
}

/// Changes a running server.
#[derive(Clone, Debug)]
pub struct Control {
    app: App,
    wishes: mpsc::Sender<Wish>,
}

/// What is to change, and who is told how that went.
#[derive(Debug)]
pub(crate) struct Wish {
    access: Access,
    told: oneshot::Sender<Result<(), ServeError>>,
}

impl Control {
    pub(crate) fn new(app: App) -> (Self, mpsc::Receiver<Wish>) {
        let (wishes, wished) = mpsc::channel(1);
        (Self { app, wishes }, wished)
    }

    /// Changes who may ask, and where. A new address is bound before the old one is given up, but where both have the same port and
    /// one is all addresses; requests that are being answered there are finished. Blocks; not to be called from the server's own threads.
    ///
    /// # Errors
    /// As for the start. Nothing has changed then.
    pub fn change(&self, access: Access) -> Result<(), ServeError> {
        let (told, tells) = oneshot::channel();
        self.wishes.blocking_send(Wish { access, told }).map_err(|_| ServeError::Stopping)?;
        tells.blocking_recv().map_err(|_| ServeError::Stopping)?
    }

    /// Sees to it that the agent which this process starts itself is known, has its key in `key_file`, and is to do `config`.
    /// Durable when it returns. Blocks.
    ///
    /// # Errors
    /// As for the list of agents; [`RegistryError::Wanted`] where no agent can do that.
    pub fn adopt(&self, name: &str, key_file: &Path, config: AgentConfig) -> Result<(), RegistryError> {
        check::config(&config, self.app.parts.capture_filter.as_deref()).map_err(|problem| {
            let (field, detail) = (problem.field.unwrap_or_default(), problem.detail.into());
            RegistryError::Wanted(Wrong { field, detail })
        })?;
        self.app.agents.registry.adopt(name, key_file, config, now())
    }

    /// Goes by these rules for templates of paths, in the place of those before. Durable when it returns. Blocks.
    ///
    /// # Errors
    /// They cannot be kept. Nothing has changed then.
    pub fn paths(&self, rules: &[Rule]) -> io::Result<()> {
        self.app.agents.paths.configure(rules)
    }

    /// Tells how the file stands that the server is configured by: why what it holds now is not in force, nothing when it is.
    pub fn configured(&self, refused: Option<String>) {
        *self.app.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }
}

/// Nobody is let in from elsewhere without being asked for a token.
fn allowed(access: &Access) -> Result<(), ServeError> {
    if !access.listen.ip().is_loopback() && access.auth == Auth::Local {
        return Err(ServeError::NotLoopback(access.listen));
    }
    Ok(())
}

/// What encrypts connections, where that is to be.
pub(crate) fn encryption(access: &Access, data: &Path) -> Result<Option<Arc<Tls>>, ServeError> {
    allowed(access)?;
    let address = access.listen.ip();
    if address.is_loopback() && access.tls.is_none() {
        return Ok(None);
    }
    Ok(Some(Arc::new(Tls::open(access.tls.as_ref(), data, address)?)))
}

/// The door over TCP, which may move.
#[derive(Debug)]
pub(crate) struct Threshold {
    house: House,
    access: Access,
    door: Door,
    /// Doors whose last requests are being answered.
    leaving: JoinSet<()>,
}

impl Threshold {
    pub fn new(house: House, access: Access, tcp: TcpListener) -> Self {
        let door = house.open(Entrance::Tcp(tcp, house.app.tls()));
        Self { house, access, door, leaving: JoinSet::new() }
    }

    /// Does what is wished. Doors that have closed meanwhile are forgotten.
    pub async fn grant(&mut self, wish: Wish) {
        while self.leaving.try_join_next().is_some() {}
        let changed = self.change(wish.access).await;
        // Who wished it may have gone.
        let _ = wish.told.send(changed);
    }

    async fn change(&mut self, access: Access) -> Result<(), ServeError> {
        let app = &self.house.app;
        allowed(&access)?;
        // A pair that is in force stays so, also where its files are out of order meanwhile.
        let tls = if (&access.tls, access.listen) == (&self.access.tls, self.access.listen) {
            app.encryption()
        } else {
            encryption(&access, &app.config.data)?
        };
        if access.listen == self.access.listen {
            *app.tls().write().unwrap_or_else(PoisonError::into_inner) = tls;
        } else {
            let refused = |source| ServeError::Listen { address: access.listen.to_string(), source };
            let tcp = self.bind(access.listen).await.map_err(refused)?;
            let app = &self.house.app;
            let address = tcp.local_addr().map_err(refused)?;
            emit!(codes::SERVER_MAIN_001, address = address.to_string());
            app.set_address(address);
            let encryption = Arc::new(RwLock::new(tls));
            app.set_tls(Arc::clone(&encryption));
            let old = std::mem::replace(&mut self.door, self.house.open(Entrance::Tcp(tcp, encryption)));
            self.leaving.spawn(old.close());
        }
        // The old door of other machines asks for tokens in any case: see `Way::public`.
        self.house.app.set_auth(access.auth);
        self.house.app.set_public_url(access.public_url.clone());
        self.house.app.beacons.set(access.takes_beacons());
        self.house.app.own.set(access.own_series);
        self.access = access;
        Ok(())
    }

    /// Listens on `address`. Where the open door is in the way (the same port of all addresses and of one of them), that is shut
    /// first, and opened again when nothing comes of it.
    async fn bind(&mut self, address: SocketAddr) -> io::Result<TcpListener> {
        let bound = TcpListener::bind(address).await;
        let in_the_way = address.port() == self.access.listen.port();
        let taken = bound.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse);
        if !(taken && in_the_way) {
            return bound;
        }
        self.door.shut().await;
        let bound = TcpListener::bind(address).await;
        if bound.is_err() {
            let again = TcpListener::bind(self.access.listen).await?;
            let door = self.house.open(Entrance::Tcp(again, self.house.app.tls()));
            self.leaving.spawn(std::mem::replace(&mut self.door, door).close());
        }
        bound
    }

    /// Takes no more connections; waits for the requests that are being answered.
    pub async fn close(mut self) {
        self.door.close().await;
        while self.leaving.join_next().await.is_some() {}
    }
}
