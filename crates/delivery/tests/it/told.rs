//! What holds for any bytes that claim to be a status or its answer. Called by the property here and by the fuzz target `status`.

use arachne_delivery::client::instructed;
use arachne_delivery::instructions::AgentConfig;
use arachne_delivery::status::Status;

/// Bytes are a status, or not; what is taken is the same after another journey. The same for instructions, of which a configuration is
/// taken as far as it is known, or none is.
///
/// # Panics
/// When they are not.
pub fn any_bytes(bytes: &[u8]) {
    if let Ok(status) = serde_json::from_slice::<Status>(bytes) {
        let sent = serde_json::to_vec(&status).expect("it is data");
        let again: Status = serde_json::from_slice(&sent).expect("what was written here is read");
        assert_eq!(rounded(again), rounded(status));
    }
    let Ok(told) = instructed(bytes) else { return };
    assert!(told.misread.is_none() || told.instructions.config.is_none(), "what cannot be read is no configuration");
    let sent = serde_json::to_vec(&told.instructions).expect("it is data");
    let again = instructed(&sent).expect("what was written here is read");
    assert_eq!((&again.instructions, again.unknown.len(), &again.misread), (&told.instructions, 0, &None));
    if let Some(config) = told.instructions.config {
        let text = serde_json::to_string(&config).expect("it is data");
        let strict: AgentConfig = serde_json::from_str(&text).expect("it has no field that is not known");
        assert_eq!(strict, config);
    }
}

/// Without its shares: the last digit of a number with a point is no matter.
fn rounded(mut status: Status) -> Status {
    let breakers = status.breakers.iter_mut().chain([&mut status.delivery]);
    breakers.for_each(|breaker| breaker.error_share = 0.0);
    status
}
