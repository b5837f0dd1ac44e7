//! Asks a name server for the name of an address: one datagram there, one back. Source: RFC 1035, sections 3.5 and 4; RFC 3596.
//!
//! Answers are read as those that pass by ([`dns`]), so there is no other parser, and no library with its own caches, sockets and
//! threads. What does not fit into a datagram, or does not come in time, has no name.

use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::edge::dns;

/// Where the host names its name servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Name servers that are asked, one after the other.
const SERVERS_MAX: usize = 3;
/// How long one is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of an answer without extensions; longer ones are cut.
const ANSWER_BYTES_MAX: usize = 512;

/// See the module.
#[derive(Debug)]
pub struct Resolver {
    server: Option<SocketAddr>,
}

impl Resolver {
    /// Asks `server`, or else those of the host.
    #[must_use]
    pub const fn new(server: Option<SocketAddr>) -> Self {
        Self { server }
    }

    /// The name of an address, where one is told.
    ///
    /// # Errors
    /// Why no name server has answered.
    pub async fn name(&self, address: IpAddr) -> Result<Option<String>, String> {
        let servers = match self.server {
            Some(server) => vec![server],
            // Read each time: hosts change networks.
            None => servers(&std::fs::read_to_string(RESOLV_CONF).unwrap_or_default()),
        };
        let mut why = format!("{RESOLV_CONF} names no name server");
        for server in servers {
            // One that is not there, or silent: the next one may be.
            why = match tokio::time::timeout(PATIENCE, ask(server, address)).await {
                Ok(Ok(name)) => return Ok(name),
                Ok(Err(error)) => format!("{server}: {error}"),
                Err(_) => format!("{server} does not answer"),
            };
        }
        Err(why)
    }
}

/// Asks one name server.
async fn ask(server: SocketAddr, address: IpAddr) -> std::io::Result<Option<String>> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // A port that nobody else knows, and answers of this server alone.
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    let id = std::hash::RandomState::new().hash_one(address).to_le_bytes();
    let id = [id[0], id[1]];
    socket.send(&question(id, address)).await?;
    let mut answer = [0; ANSWER_BYTES_MAX];
    loop {
        let length = socket.recv(&mut answer).await?;
        let answer = &answer[..length];
        if answer.starts_with(&id) && answer.get(2).is_some_and(|flags| flags & 0x80 != 0) {
            let named = dns::names(answer).into_iter().find(|(of, _)| *of == address.to_canonical());
            return Ok(named.map(|(_, name)| name));
        }
    }
}

/// A question for the name of an address.
fn question(id: [u8; 2], address: IpAddr) -> Vec<u8> {
    // One question, and recursion is wanted.
    let mut bytes = vec![id[0], id[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in reverse(address).split('.') {
        bytes.push(u8::try_from(label.len()).unwrap_or(0));
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 12, 0, 1]);
    bytes
}

/// The name under which the name of an address stands.
fn reverse(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let digits = format!("{:032x}", address.to_bits());
            let digits: Vec<String> = digits.chars().rev().map(String::from).collect();
            format!("{}.ip6.arpa", digits.join("."))
        }
    }
}

/// The name servers in a `resolv.conf`.
fn servers(text: &str) -> Vec<SocketAddr> {
    let address = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()?.parse::<IpAddr>().ok()).flatten()
    };
    text.lines().filter_map(address).take(SERVERS_MAX).map(|address| (address, 53).into()).collect()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tokio::net::UdpSocket;

    use super::{Resolver, question, reverse, servers};

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn addresses_are_reversed_and_servers_are_found() {
        assert_eq!(reverse(ip("10.1.2.3")), "3.2.1.10.in-addr.arpa");
        assert_eq!(reverse(ip("::ffff:10.1.2.3")), "3.2.1.10.in-addr.arpa");
        let six = reverse(ip("2001:db8::7"));
        assert!(six.starts_with("7.0.0.0.") && six.ends_with(".8.b.d.0.1.0.0.2.ip6.arpa") && six.len() == 72, "{six}");
        let text = "# nameserver 9.9.9.9\nnameserver 10.0.0.1\n nameserver\t::1\nnameserver x\nsearch a\nnameserver 1.1.1.1\n\
                    nameserver 2.2.2.2\n";
        let found: Vec<_> = servers(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["10.0.0.1:53", "[::1]:53", "1.1.1.1:53"]);
    }

    /// A name server that answers questions with whatever `answer` makes of them.
    async fn server(answer: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> Resolver {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("it is bound");
        tokio::spawn(async move {
            let mut bytes = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
                for answer in answer(&bytes[..length]) {
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        });
        Resolver::new(Some(address))
    }

    /// A good answer to a question: `shop.example`.
    fn named(asked: &[u8]) -> Vec<u8> {
        let mut bytes = asked.to_vec();
        (bytes[2], bytes[3], bytes[7]) = (0x81, 0x80, 1);
        bytes.extend([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60, 0, 14, 4]);
        bytes.extend(b"shop\x07example\0");
        bytes
    }

    #[tokio::test]
    async fn a_name_is_what_the_right_answer_says() {
        let address = ip("10.1.2.3");
        assert_eq!(server(|asked| vec![named(asked)]).await.name(address).await, Ok(Some("shop.example".to_owned())));
        let refused = |asked: &[u8]| {
            let mut bytes = asked.to_vec();
            (bytes[2], bytes[3]) = (0x81, 0x83);
            vec![bytes]
        };
        assert_eq!(server(refused).await.name(address).await, Ok(None));
        // Another id, a question instead of an answer, nonsense; then an answer for another address.
        let odd = |asked: &[u8]| {
            let mut other = named(asked);
            other[0] ^= 1;
            vec![other, asked.to_vec(), vec![7; 3], named(&question([asked[0], asked[1]], ip("10.9.9.9")))]
        };
        assert_eq!(server(odd).await.name(address).await, Ok(None));
    }
}
