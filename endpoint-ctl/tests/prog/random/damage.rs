//! Frames that are not as they should be.
//!
//! May import: fastrand, world.

use fastrand::Rng;

use crate::world::Leg;

/// The kernel takes no shorter frame for a test run.
const SHORTEST: usize = 14;
/// Where headers end, more or less: damage beyond is rare.
const HEADERS: usize = 60;

/// Spoils a frame in one to three ways.
pub(super) fn damage(frame: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.usize(1..4) {
        match rng.u8(..10) {
            0..2 => {
                let at = rng.usize(0..frame.len().min(HEADERS));
                frame[at] ^= 1 << rng.u8(..8);
            }
            2 => {
                let at = rng.usize(0..frame.len());
                frame[at] = rng.u8(..);
            }
            3..5 => {
                let length = rng.usize(SHORTEST..=frame.len());
                frame.truncate(length);
            }
            5 => {
                let more = rng.usize(1..40);
                frame.extend((0..more).map(|_| rng.u8(..)));
            }
            _ => field(frame, rng),
        }
    }
}

/// Puts an unlikely value into a header field; the places are those of a packet without options.
fn field(frame: &mut [u8], rng: &mut Rng) {
    let fields: [(usize, &[u8]); 14] = [
        (0, &[0x01, 0xff, 0x02]),
        (12, &[0x08, 0x81, 0x86]),
        (13, &[0x00, 0x06, 0xdd]),
        (14, &[0x40, 0x44, 0x45, 0x46, 0x4f, 0x55, 0x65, 0x00]),
        (16, &[0x00, 0x01, 0xff]),
        (17, &[0, 19, 20, 27, 28, 39, 40, 41, 45, 60, 255]),
        (20, &[0x00, 0x20, 0x40, 0x80, 0x1f, 0x60]),
        (21, &[0x00, 0x01, 0xff]),
        (22, &[0, 1, 2, 255]),
        (23, &[0, 1, 6, 17, 47, 132, 255]),
        (26, &[0, 10, 127, 224, 240, 255]),
        (34, &[0, 1, 3, 5, 8, 11, 12]),
        (39, &[0, 7, 8, 9, 13, 200]),
        (46, &[0x00, 0x40, 0x50, 0x60, 0x70, 0xf0]),
    ];
    let (at, values) = fields[rng.usize(0..fields.len())];
    if let Some(byte) = frame.get_mut(at) {
        *byte = values[rng.usize(0..values.len())];
    }
}

/// Bytes without sense; often they begin as if they had some.
pub(super) fn noise(rng: &mut Rng) -> Vec<u8> {
    let length = rng.usize(SHORTEST..200);
    let mut frame: Vec<u8> = (0..length).map(|_| rng.u8(..)).collect();
    if rng.bool() {
        frame[..6].copy_from_slice(&Leg::ALL[rng.usize(0..Leg::ALL.len())].mac());
    }
    if rng.bool() {
        frame[12] = 8;
        frame[13] = rng.u8(..2) * 6;
    }
    if rng.bool() && length >= 34 {
        frame[14] = 0x45;
        frame[30..34].copy_from_slice(&[10, 0, 1, 100]);
    }
    frame
}
