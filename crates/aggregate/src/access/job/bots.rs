//! Robots by what they call themselves. Whoever lies is not found out.
//!
//! Names are those of the crawlers that public lists name most, and of libraries that scripts use; applications' own
//! libraries (okhttp, CFNetwork, Dart) are not among them.

use aho_corasick::AhoCorasick;

use super::memo::Memo;

/// What browsers call themselves has some hundreds of forms at a time.
const MEMO_PLACES: usize = 1024;
const NAMES: &[&str] = &[
    "bot",
    "crawl",
    "spider",
    "slurp",
    "mediapartners-google",
    "facebookexternalhit",
    "whatsapp/",
    "embedly",
    "curl/",
    "wget/",
    "python-requests",
    "python-urllib",
    "aiohttp/",
    "go-http-client",
    "libwww-perl",
    "apache-httpclient",
    "scrapy",
    "headlesschrome",
    "phantomjs",
    "zgrab",
    "masscan",
    "nmap",
    "censys",
    "nikto",
    "sqlmap",
    "uptimerobot",
    "pingdom",
    "archiver",
    "feedfetcher",
];

/// Tells robots, and remembers what it told.
#[derive(Clone, Debug)]
pub(crate) struct Bots {
    names: AhoCorasick,
    memo: Memo<bool>,
}

impl Bots {
    pub(crate) fn new(seed: u64) -> Self {
        let names = AhoCorasick::builder().ascii_case_insensitive(true).build(NAMES);
        Self { names: names.expect("a few short words make a small automaton"), memo: Memo::new(MEMO_PLACES, seed) }
    }

    /// Whether a User-Agent, escaped or not, is a robot's.
    pub(crate) fn is_bot(&mut self, agent: &[u8]) -> bool {
        self.memo.get_or(agent, || judge(&self.names, agent))
    }
}

fn judge(names: &AhoCorasick, agent: &[u8]) -> bool {
    names.find_iter(agent).any(|found| {
        // Cubot makes telephones.
        let before = &agent[found.start().saturating_sub(2)..found.start()];
        !before.eq_ignore_ascii_case(b"cu")
    })
}

#[cfg(test)]
mod tests {
    use super::Bots;

    #[test]
    fn robots_are_told_from_telephones() {
        let mut bots = Bots::new(0);
        let table = [
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", true),
            ("Mozilla/5.0 (compatible; YandexBot/3.0)", true),
            ("curl/8.5.0", true),
            ("Mozilla/5.0 (Linux; Android 10; CUBOT X30) Chrome/96.0 Mobile", false),
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36", false),
            ("okhttp/4.16.0", false),
            ("", false),
        ];
        for (agent, bot) in table.into_iter().chain(table) {
            assert_eq!(bots.is_bot(agent.as_bytes()), bot, "{agent}");
        }
        assert!(bots.is_bot(format!("{}bot", "x".repeat(3000)).as_bytes()));
    }
}
