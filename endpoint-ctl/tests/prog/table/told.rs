//! Whether an answer says what it must.
//!
//! May import: icmp_error.

use crate::icmp_error;

/// What the sender of a refused packet is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// By ICMP: longer than so many bytes.
    TooBig(u16),
    /// By ICMP: nobody listens.
    PortUnreachable,
    /// By TCP: nobody listens.
    Reset,
}

/// Where what is read stands, in a frame of a family.
struct Places {
    source: usize,
    address: usize,
    /// Of an answer, which has no options.
    payload: usize,
}

const V4: Places = Places {
    source: 26,
    address: 4,
    payload: 34,
};
const V6: Places = Places {
    source: 22,
    address: 16,
    payload: 54,
};

/// Checks `answer`, that `sent` was answered with.
pub(super) fn check(sent: &[u8], answer: &[u8], told: Told) -> Result<(), String> {
    let is_v4 = sent[12..14] == [8, 0];
    let places = if is_v4 { V4 } else { V6 };
    let ends = |frame: &[u8]| {
        let source = &frame[places.source..][..places.address];
        let destination = &frame[places.source + places.address..][..places.address];
        [source.to_vec(), destination.to_vec()]
    };
    let [source, destination] = ends(sent);
    equal("MACs", &answer[..12], &[&sent[6..12], &sent[..6]].concat())?;
    equal("ether type", &answer[12..14], &sent[12..14])?;
    equal(
        "addresses",
        &ends(answer).concat(),
        &[destination, source].concat(),
    )?;
    match told {
        Told::TooBig(mtu) => {
            let kind = if is_v4 { [3, 4] } else { [2, 0] };
            quoting(
                sent,
                answer,
                &places,
                kind,
                mtu,
                if is_v4 { 576 } else { 1280 },
            )
        }
        Told::PortUnreachable => {
            let kind = if is_v4 { [3, 3] } else { [1, 4] };
            quoting(sent, answer, &places, kind, 0, 0)
        }
        Told::Reset => reset(sent, answer, &places),
    }
}

/// `most`: as long as the error may be, and is if the packet is long enough; 0 if it need only quote
/// ports.
fn quoting(
    sent: &[u8],
    answer: &[u8],
    places: &Places,
    kind: [u8; 2],
    mtu: u16,
    most: usize,
) -> Result<(), String> {
    let message = &answer[places.payload..];
    equal("type and code", &message[..2], &kind)?;
    equal("MTU", &message[4..8], &u32::from(mtu).to_be_bytes())?;
    let (quote, packet) = (&message[8..], &sent[14..]);
    let Some(quoted) = packet.get(..quote.len()) else {
        return Err("quotes more than was sent".into());
    };
    equal("quote", quote, quoted)?;
    let room = most.saturating_sub(places.payload - 14 + 8);
    if quote.len() + 3 < packet.len().min(room) || (most > 0 && quote.len() > room) {
        return Err(format!("quotes {} bytes", quote.len()));
    }
    icmp_error::ends(&[&sent[..14], quote].concat())
        .map(|_| ())
        .ok_or_else(|| "quotes no ports".into())
}

fn reset(sent: &[u8], answer: &[u8], places: &Places) -> Result<(), String> {
    let (syn, reset) = (&sent[places.payload..], &answer[places.payload..]);
    equal("length", &[reset.len() as u8], &[20])?;
    equal("ports", &reset[..4], &[&syn[2..4], &syn[..2]].concat())?;
    let number = u32::from_be_bytes(syn[4..8].try_into().expect("four bytes"));
    let data = syn.len() - usize::from(syn[12] >> 4) * 4;
    let ack = number + data as u32 + 1;
    equal("sequence", &reset[4..8], &[0; 4])?;
    equal("acknowledged", &reset[8..12], &ack.to_be_bytes())?;
    equal("header length, RST and ACK", &reset[12..14], &[0x50, 0x14])
}

fn equal(what: &str, found: &[u8], expected: &[u8]) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: {found:x?}, not {expected:x?}"))
}
