//! Streams of numbered datagrams through the endpoint: some that must arrive, some that must not, and
//! some that must arrive exactly while the rules say so. Imports nothing but the lab.
//!
//! All are sent by one thread on one CPU, so that they are judged in the order in which they are sent.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::socket::{setsockopt, sockopt};
use nix::unistd::Pid;
use xtask::lab::address::{BACKENDS, CLIENT_A, ENI_A};

/// Ports of the endpoint: accepted by all sets, by none, by some.
pub(super) const SERVED: u16 = 7_001;
pub(super) const NEVER: u16 = 7_002;
pub(super) const DIFFERS: u16 = 7_003;
/// Where the server is.
pub(super) const SERVER_PORT: u16 = 7_007;
/// Flows that live all along.
pub(super) const LIVE: u64 = 1_000;
/// Between two beats, in each of which every stream sends once.
const BEAT: Duration = Duration::from_millis(1);
/// Source ports of flows that one datagram opens.
const FRESH_PORTS: u64 = 28_000;
/// How long what is under way may take at the end.
const LAST: Duration = Duration::from_secs(2);

/// The streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Stream {
    /// To [`SERVED`], one flow; it is answered.
    Steady,
    /// To [`SERVED`], a new flow each time.
    Fresh,
    /// To [`SERVED`], the flows that live all along, in turn; they are answered.
    Live,
    /// To [`NEVER`], one flow.
    Never,
    /// To [`DIFFERS`], one flow; it is answered.
    Differs,
    /// To [`DIFFERS`], a new flow each time.
    DiffersFresh,
}

impl Stream {
    const ALL: [Self; 6] = [
        Self::Steady,
        Self::Fresh,
        Self::Live,
        Self::Never,
        Self::Differs,
        Self::DiffersFresh,
    ];

    fn is_answered(self) -> bool {
        matches!(self, Self::Steady | Self::Live | Self::Differs)
    }

    /// The datagram of this number.
    fn datagram(self, number: u64) -> [u8; 9] {
        let mut datagram = [self as u8; 9];
        datagram[1..].copy_from_slice(&number.to_be_bytes());
        datagram
    }

    fn read(datagram: &[u8]) -> Option<(Self, u64)> {
        let (first, number) = datagram.split_first()?;
        let stream = Self::ALL.into_iter().find(|one| *one as u8 == *first)?;
        Some((stream, u64::from_be_bytes(number.try_into().ok()?)))
    }
}

/// Bytes of a datagram's packet: IPv4, UDP, and what [`Stream::datagram`] makes.
pub(super) const PACKET_BYTES: u64 = 20 + 8 + 9;

/// What has been sent so far, and whether it is enough.
#[derive(Default)]
pub(super) struct Progress {
    /// Beats whose datagrams have been handed to the kernel.
    pub(super) beats: AtomicU64,
    /// The sender is to end.
    pub(super) ends: AtomicBool,
    /// The server is to end.
    pub(super) closed: AtomicBool,
}

/// Numbers of the datagrams that arrived, as they did.
pub(super) type Arrived = BTreeMap<Stream, Vec<u64>>;

/// What the client knows at the end.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Beats; in each every stream sent once.
    pub(super) beats: u64,
    /// Answers heard, each to what was asked.
    pub(super) answers: BTreeMap<Stream, u64>,
}

/// Receives and answers until it is told to end. Runs in the server's namespace.
pub(super) fn serve(progress: &Progress) -> anyhow::Result<Arrived> {
    let socket = UdpSocket::bind((BACKENDS[0], SERVER_PORT))?;
    // What arrives must not get lost here.
    setsockopt(&socket, sockopt::RcvBufForce, &(16 << 20))?;
    socket.set_read_timeout(Some(Duration::from_millis(50)))?;
    let mut arrived = Arrived::new();
    let mut buffer = [0; 64];
    while !progress.closed.load(Ordering::Relaxed) {
        let (length, from) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) if is_no_news(&error) => continue,
            Err(error) => return Err(error.into()),
        };
        let Some((stream, number)) = Stream::read(&buffer[..length]) else {
            anyhow::bail!("strange datagram {:?}", &buffer[..length]);
        };
        arrived.entry(stream).or_default().push(number);
        if stream.is_answered() {
            socket.send_to(&buffer[..length], from)?;
        }
    }
    Ok(arrived)
}

fn is_no_news(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// A socket that is connected to a port of the endpoint.
struct Line {
    socket: UdpSocket,
    stream: Stream,
    /// The number of the last datagram.
    asked: u64,
    heard: u64,
}

impl Line {
    fn open(stream: Stream, source: u16, port: u16) -> io::Result<Self> {
        let socket = UdpSocket::bind((CLIENT_A, source))?;
        socket.connect((ENI_A, port))?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            stream,
            asked: 0,
            heard: 0,
        })
    }

    fn send(&mut self, number: u64) -> io::Result<()> {
        self.asked = number;
        self.socket.send(&self.stream.datagram(number)).map(drop)
    }

    /// Takes what answers have come.
    fn listen(&mut self) -> anyhow::Result<()> {
        let mut buffer = [0; 64];
        loop {
            match self.socket.recv(&mut buffer) {
                Ok(length) => {
                    let (stream, number) =
                        Stream::read(&buffer[..length]).unwrap_or((Stream::Never, 0));
                    anyhow::ensure!(
                        stream == self.stream && number <= self.asked,
                        "{:?} heard {stream:?} {number}",
                        self.stream
                    );
                    self.heard += 1;
                }
                Err(error) if is_no_news(&error) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Opens the live flows, then sends beat by beat until it is told to end; at the end every live flow
/// asks once more. Runs in the client's namespace.
pub(super) fn send(progress: &Progress) -> anyhow::Result<Sent> {
    let mut cpus = CpuSet::new();
    cpus.set(0)?;
    sched_setaffinity(Pid::from_raw(0), &cpus)?;
    let mut single = [
        Line::open(Stream::Steady, 1_001, SERVED)?,
        Line::open(Stream::Never, 1_002, NEVER)?,
        Line::open(Stream::Differs, 1_003, DIFFERS)?,
    ];
    let sources = (0..LIVE).map(|number| 60_000 + u16::try_from(number).unwrap_or(0));
    let live = sources.map(|source| Line::open(Stream::Live, source, SERVED));
    let mut live: Vec<_> = live.collect::<Result<_, _>>()?;
    let mut beats = 0;
    while !progress.ends.load(Ordering::Relaxed) || beats % LIVE != 0 {
        beats += 1;
        for line in &mut single {
            line.listen()?;
            line.send(beats)?;
        }
        fresh(Stream::Fresh, beats * 2, SERVED, beats)?;
        fresh(Stream::DiffersFresh, beats * 2 + 1, DIFFERS, beats)?;
        let line = &mut live[usize::try_from(beats % LIVE)?];
        line.listen()?;
        line.send(beats)?;
        progress.beats.store(beats, Ordering::Release);
        thread::sleep(BEAT);
    }
    thread::sleep(LAST);
    let mut answers = BTreeMap::new();
    for line in single.iter_mut().chain(&mut live) {
        line.listen()?;
        *answers.entry(line.stream).or_default() += line.heard;
    }
    for (number, line) in live.iter().enumerate() {
        let asked = beats / LIVE;
        anyhow::ensure!(
            line.heard == asked,
            "live flow {number} asked {asked} times and heard {}",
            line.heard
        );
    }
    Ok(Sent { beats, answers })
}

/// One datagram of a flow of its own.
fn fresh(stream: Stream, place: u64, port: u16, number: u64) -> io::Result<()> {
    let source = 2_000 + u16::try_from(place % FRESH_PORTS).unwrap_or(0);
    Line::open(stream, source, port)?.send(number)
}
