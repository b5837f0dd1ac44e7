//! Filters in tcpdump's syntax, and frames that their programs look at.

use arachne_capture::interface::filter::{Filter, PacketView, Program, Scope};
use arachne_model::LinkType;

/// A filter, a zero byte, an Ethernet frame.
pub fn bpf(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (text, frame) = data.split_at(end);
    let text = String::from_utf8_lossy(text);
    let filter = match Filter::parse(&text) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(text.get(error.span.clone()).is_some(), "{:?} is a place of {text:?}", error.span);
            assert_eq!(error.caret(&text).lines().count(), 2);
            return;
        }
    };
    let own = [([127, 0, 0, 1], 7117).into()];
    let scope = Scope { interfaces: Some(vec![1, 2]), own: own.to_vec() };
    let Ok(program) = filter.program(&scope) else { return };
    let instructions = program.instructions();
    assert!(instructions.len() <= Program::LENGTH_MAX);
    for (at, i) in instructions.iter().enumerate() {
        let far = if i.code == 5 { i.k as usize } else { usize::from(i.jump_true.max(i.jump_false)) };
        assert!(i.code == 6 || at + 1 + far < instructions.len(), "instruction {at} of {text:?} leads out");
    }
    let frame = frame.get(1..).unwrap_or_default();
    let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    if let Some(view) = PacketView::of_frame(LinkType::ETHERNET, frame, length) {
        // Elsewhere nothing passes, whatever the filter.
        assert!(!program.passes(&PacketView { interface: 3, ..view }));
        let _ = program.passes(&view);
    }
}
