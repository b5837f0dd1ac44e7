//! What supervisor and capture process say to each other, over a Unix socket pair.
//!
//! The supervisor gives [`Order`]s, the capture process answers with [`Report`]s and [`Packed`] rows. Each is a frame
//! (`frame`): length, checksum, kind, payload. The capture process reads what strangers wrote, so the supervisor trusts
//! no frame: lengths are judged before memory is taken, and a frame that makes no sense ends the process that sent it.

mod frame;
mod message;

pub use frame::{ChannelError, FRAME_BYTES_MAX, Reader, write};
pub use message::{Collection, Counters, FilePosition, HostInterface, Order, Packed, Report, Setup, of_interface};

use std::io::Write;

/// Kind of a frame: an [`Order`] in JSON.
const ORDER: u8 = 1;
/// Kind of a frame: a [`Report`] in JSON.
const REPORT: u8 = 2;
/// Kind of a frame: [`Packed`] rows in protobuf.
const PACKED: u8 = 3;

/// Sends an order.
///
/// # Errors
/// The other side is gone.
pub fn send_order(into: &mut impl Write, order: &Order) -> Result<(), ChannelError> {
    write(into, ORDER, &serde_json::to_vec(order).map_err(ChannelError::Json)?)
}

/// What the capture process says.
#[derive(Debug)]
pub enum Said {
    /// How it is.
    Report(Box<Report>),
    /// Rows.
    Packed(Packed),
}

impl Said {
    /// Sends it.
    ///
    /// # Errors
    /// The other side is gone.
    pub fn send(&self, into: &mut impl Write) -> Result<(), ChannelError> {
        match self {
            Self::Report(report) => write(into, REPORT, &serde_json::to_vec(report).map_err(ChannelError::Json)?),
            Self::Packed(packed) => write(into, PACKED, &prost::Message::encode_to_vec(packed)),
        }
    }
}

/// The next order; `None` when the supervisor is gone.
///
/// # Errors
/// See [`ChannelError`].
pub fn next_order(reader: &mut Reader<impl std::io::Read>) -> Result<Option<Order>, ChannelError> {
    match reader.next()? {
        None => Ok(None),
        Some((ORDER, payload)) => serde_json::from_slice(payload).map(Some).map_err(ChannelError::Json),
        Some((kind, _)) => Err(ChannelError::Kind(kind)),
    }
}

/// The next thing that is said; `None` when the capture process is gone.
///
/// # Errors
/// See [`ChannelError`].
pub fn next_said(reader: &mut Reader<impl std::io::Read>) -> Result<Option<Said>, ChannelError> {
    match reader.next()? {
        None => Ok(None),
        Some((REPORT, payload)) => {
            let report = serde_json::from_slice(payload).map_err(ChannelError::Json)?;
            Ok(Some(Said::Report(Box::new(report))))
        }
        Some((PACKED, payload)) => {
            let packed = <Packed as prost::Message>::decode(payload).map_err(ChannelError::Protobuf)?;
            Ok(Some(Said::Packed(packed)))
        }
        Some((kind, _)) => Err(ChannelError::Kind(kind)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, Packed, Reader, Report, Said, Setup, next_order, next_said, send_order, write};

    #[test]
    fn both_ways_and_kinds_that_do_not_belong() {
        let mut bytes = Vec::new();
        send_order(&mut bytes, &Order::Finish).expect("a vector takes all");
        send_order(&mut bytes, &Order::Setup(Box::default())).expect("a vector takes all");
        write(&mut bytes, 3, b"").expect("a vector takes all");
        let mut reader = Reader::new(bytes.as_slice());
        assert_eq!(next_order(&mut reader).expect("sound"), Some(Order::Finish));
        assert_eq!(next_order(&mut reader).expect("sound"), Some(Order::Setup(Box::<Setup>::default())));
        assert!(next_order(&mut reader).expect_err("rows are no order").to_string().contains("kind 3"));

        let mut bytes = Vec::new();
        let packed = Packed { bytes: vec![1, 2], counts: vec![3], ..Packed::default() };
        Said::Packed(packed.clone()).send(&mut bytes).expect("a vector takes all");
        Said::Report(Box::new(Report::Finished)).send(&mut bytes).expect("a vector takes all");
        write(&mut bytes, 2, b"{").expect("a vector takes all");
        let mut reader = Reader::new(bytes.as_slice());
        assert!(matches!(next_said(&mut reader), Ok(Some(Said::Packed(found))) if found == packed));
        assert!(matches!(next_said(&mut reader), Ok(Some(Said::Report(found))) if *found == Report::Finished));
        assert!(next_said(&mut reader).is_err());
    }
}
