//! ICMP errors of both families, about frames that were sent; and what can be read back of them.
//!
//! May import: packet (the sum).

use crate::packet::internet_checksum;

/// Where a frame's IP header ends, and whether it is IPv4.
fn header(frame: &[u8]) -> Option<(bool, usize)> {
    match frame.get(12..15)? {
        [8, 0, first] => Some((true, 14 + usize::from(first & 15) * 4)),
        [0x86, 0xdd, _] => Some((false, 54)),
        _ => None,
    }
}

/// The error that a router on the way of a frame, at `hop`, answers it with: "too long" (kind 3 code 4
/// in IPv4, kind 2 in IPv6), next MTU 1280. `quoted` bytes of what follows the IP header are quoted.
pub(crate) fn about(frame: &[u8], hop: u8, quoted: usize) -> Option<Vec<u8>> {
    let (is_v4, end) = header(frame)?;
    let quote = &frame[14..frame.len().min(end + quoted)];
    let kind = if is_v4 { [3, 4] } else { [2, 0] };
    let mut message = [&kind[..], &[0, 0, 0, 0, 5, 0], quote].concat();
    let mut out = [&frame[6..12], &frame[..6], &frame[12..14]].concat();
    let sum = if is_v4 {
        let (router, to) = ([10, 0, 50, hop], &frame[26..30]);
        let total = (20 + message.len()) as u16;
        let mut ip = vec![0x45, 0xc0];
        ip.extend(total.to_be_bytes());
        ip.extend([0x77, 0x77, 0, 0, 64, 1, 0, 0]);
        ip.extend(router);
        ip.extend(to);
        let sum = internet_checksum(&[&ip]).to_be_bytes();
        ip[10..12].copy_from_slice(&sum);
        out.extend(ip);
        internet_checksum(&[&message])
    } else {
        let mut router = [0; 16];
        router[..2].copy_from_slice(&[0xfd, 0]);
        router[15] = hop;
        let to = &frame[22..38];
        let length = (message.len() as u16).to_be_bytes();
        out.extend([0x60, 0, 0, 0]);
        out.extend(length);
        out.extend([58, 64]);
        out.extend(router);
        out.extend(to);
        let pseudo = [&router[..], to, &[0, 0], &length, &[0, 0, 0, 58]].concat();
        internet_checksum(&[&pseudo, &message])
    };
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    out.extend(message);
    Some(out)
}

/// The packet an error quotes, as a frame without link-level addresses.
pub(crate) fn quote(frame: &[u8]) -> Option<Vec<u8>> {
    let (_, end) = header(frame)?;
    let mut quoted = vec![0; 12];
    quoted.extend(&frame[12..14]);
    quoted.extend(frame.get(end + 8..)?);
    Some(quoted)
}

/// Addresses and ports of a frame, as bytes: source, destination.
pub(crate) fn ends(frame: &[u8]) -> Option<[Vec<u8>; 2]> {
    let (is_v4, end) = header(frame)?;
    let (source, length) = if is_v4 { (26, 4) } else { (22, 16) };
    let ports = frame.get(end..end + 4)?;
    let address = |at: usize| frame[at..at + length].to_vec();
    Some([
        [address(source), ports[..2].to_vec()].concat(),
        [address(source + length), ports[2..].to_vec()].concat(),
    ])
}
