//! The scene of `make demo`: a small shop that sells yarn, as two services and its visitors. `scripts/record-scene.sh` runs
//! them behind a real nginx and in front of a real PostgreSQL, and records what they say to each other.
//!
//! Dev only. It imitates behaviour (times, failures, retries), never traffic: every byte of the recording was sent by a
//! real client to a real server. Nothing in it is secret: people, passwords and cards are made up.

mod goods;
mod load;
mod log;
mod pool;
mod pricing;
mod random;
mod shop;

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use log::Log;

/// What went wrong, for a person at a terminal.
type Failure = Box<dyn Error + Send + Sync>;

#[derive(Parser)]
#[command(about = "The services and visitors of the recorded scene")]
struct Args {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Pages and API of the shop
    Shop {
        /// Address to listen on
        #[arg(long)]
        listen: SocketAddr,
        /// Address of pricing
        #[arg(long)]
        pricing: SocketAddr,
        /// What it calls itself in x-served-by
        #[arg(long)]
        name: String,
        /// What it says in x-release
        #[arg(long)]
        release: u32,
        /// Where it writes its log
        #[arg(long)]
        log: Option<PathBuf>,
    },
    /// Prices from PostgreSQL
    Pricing {
        /// Address to listen on
        #[arg(long)]
        listen: SocketAddr,
        /// Connection string of PostgreSQL
        #[arg(long)]
        database: String,
        /// Connections to PostgreSQL
        #[arg(long, default_value_t = 5)]
        connections: usize,
        /// Where it writes its log
        #[arg(long)]
        log: Option<PathBuf>,
    },
    /// Visitors: people, apps, partners, bots
    Load {
        /// Addresses of the proxy, one per family
        #[arg(long, value_delimiter = ',', required = true)]
        edge: Vec<SocketAddr>,
        /// Addresses that visitors come from, all of which this host has
        #[arg(long, value_delimiter = ',', required = true)]
        from: Vec<IpAddr>,
        /// Time in which visits begin
        #[arg(long)]
        seconds: u64,
        /// Visits are the same for the same seed
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match Args::parse().part {
        Part::Shop { listen, pricing, name, release, log } => {
            shop::serve(listen, pricing, name, release, Log::open(log.as_deref())?).await
        }
        Part::Pricing { listen, database, connections, log } => {
            pricing::serve(listen, &database, connections, Log::open(log.as_deref())?).await
        }
        Part::Load { edge, from, seconds, seed } => load::run(&edge, &from, seconds, seed).await,
    }
}

/// Resolves when the process is asked to end.
async fn ended() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => drop(terminate.recv().await),
        // Without the signal only a kill ends the process, which is fine too.
        Err(_) => std::future::pending().await,
    }
}
