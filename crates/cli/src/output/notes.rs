//! What was odd about an exchange or a session, in words for people.

use arachne_model::{Anomaly, AnomalySet, Exchange, TcpSession};

use super::human::{counted, grouped};
use arachne_capture::rows::all_anomalies;

/// The notes on an exchange, joined by `; `, empty when all went as it should.
#[must_use]
pub fn of_exchange(exchange: &Exchange) -> String {
    let anomalies = all_anomalies(exchange);
    let mut notes = Vec::new();
    if exchange.retransmissions > 0 {
        notes.push(counted(exchange.retransmissions.into(), "retransmission"));
    }
    if exchange.response.is_none() {
        notes.push("no response".to_owned());
    }
    if exchange.request.is_none() && !anomalies.contains(Anomaly::UnsolicitedResponse) {
        notes.push("no request".to_owned());
    }
    if !exchange.interim.is_empty() {
        let codes: Vec<_> = exchange.interim.iter().take(4).map(u16::to_string).collect();
        let more = if exchange.interim.len() > codes.len() { ", …" } else { "" };
        notes.push(format!("{}{more} before", codes.join(", ")));
    }
    let missing = [&exchange.request, &exchange.response].into_iter().flatten().map(|m| m.body.missing);
    push_anomalies(&mut notes, anomalies, missing.fold(0, u64::saturating_add));
    notes.join("; ")
}

/// The notes on a session, joined by `; `.
#[must_use]
pub fn of_session(session: &TcpSession) -> String {
    let sides = [&session.client_facts, &session.server_facts];
    let sum =
        |count: fn(&arachne_model::DirectionFacts) -> u64| sides.iter().map(|s| count(s)).fold(0, u64::saturating_add);
    let mut notes = Vec::new();
    for (count, noun) in [
        (sum(|s| s.retransmitted), "retransmission"),
        (sum(|s| s.reordered), "reordered segment"),
        (sum(|s| s.zero_windows), "zero window"),
    ] {
        if count > 0 {
            notes.push(counted(count, noun));
        }
    }
    push_anomalies(&mut notes, session.anomalies, sum(|s| s.missing));
    notes.join("; ")
}

/// The words of all flags; a gap is told with its size where that is known.
fn push_anomalies(notes: &mut Vec<String>, anomalies: AnomalySet, missing: u64) {
    for anomaly in anomalies.iter() {
        notes.push(match anomaly {
            Anomaly::Gap if missing == 1 => "1 byte is missing".to_owned(),
            Anomaly::Gap if missing > 0 => format!("{} bytes are missing", grouped(missing)),
            _ => anomaly.words().to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use arachne_model::Anomaly;

    use super::of_exchange;
    use crate::fixtures::{exchange, request, response};

    #[test]
    fn notes_in_words() {
        let mut x = exchange(Some(request("GET", "/", &[])), Some(response(200, &[])));
        assert_eq!(of_exchange(&x), "");
        x.retransmissions = 3;
        assert_eq!(of_exchange(&x), "3 retransmissions");
        x.interim = vec![100];
        x.anomalies.insert(Anomaly::Gap);
        assert_eq!(of_exchange(&x), "3 retransmissions; 100 before; bytes are missing");
        x.response.as_mut().expect("built with one").body.missing = 1460;
        assert_eq!(of_exchange(&x), "3 retransmissions; 100 before; 1 460 bytes are missing");
    }

    #[test]
    fn one_half_is_told_once() {
        let alone = exchange(Some(request("GET", "/", &[])), None);
        assert_eq!(of_exchange(&alone), "no response");
        let mut answer = exchange(None, Some(response(200, &[])));
        assert_eq!(of_exchange(&answer), "no request");
        answer.anomalies.insert(Anomaly::UnsolicitedResponse);
        assert_eq!(of_exchange(&answer), "a response nobody asked for");
    }
}
