//! TCP connections that talk: each asks with a number, and must hear that number in good time.
//! Imports `scene`, `dual_stack`.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use xtask::lab::inside;

use crate::dual_stack::Family;
use crate::scene::Scene;

/// How late an answer may be.
const LATE: Duration = Duration::from_secs(5);
/// How often each of many connections asks.
const EVERY: Duration = Duration::from_millis(500);
/// Between two looks at all connections: a look costs more than an answer.
const REST: Duration = Duration::from_millis(5);

/// One connection, to be asked at will.
pub(crate) struct Connection {
    stream: TcpStream,
    asked: u64,
}

impl Connection {
    /// Connects client A to the endpoint; an error if nobody answers in time.
    pub(crate) fn open(scene: &Scene, family: Family, limit: Duration) -> io::Result<Self> {
        Self::open_from(scene, "client-a", family, limit)
    }

    /// The same for another client.
    pub(crate) fn open_from(
        scene: &Scene,
        role: &str,
        family: Family,
        limit: Duration,
    ) -> io::Result<Self> {
        let stream = inside(scene.lab.ns(role), || {
            Ok(TcpStream::connect_timeout(&family.target(), limit))
        });
        let stream = stream.expect("the namespace can be entered")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LATE))?;
        Ok(Self { stream, asked: 0 })
    }

    /// The same, but it must be answered.
    #[track_caller]
    pub(crate) fn must_open(scene: &Scene, family: Family) -> Self {
        let opened = Self::open(scene, family, LATE).and_then(|mut opened| {
            opened.ask()?;
            Ok(opened)
        });
        opened.unwrap_or_else(|error| panic!("{family:?}: no connection: {error}"))
    }

    /// Where it comes from.
    pub(crate) fn client(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    /// Asks and hears; how long it took.
    pub(crate) fn ask(&mut self) -> io::Result<Duration> {
        let start = Instant::now();
        self.asked += 1;
        self.stream.write_all(&self.asked.to_be_bytes())?;
        let mut heard = [0; 8];
        self.stream.read_exact(&mut heard)?;
        if heard == self.asked.to_be_bytes() {
            Ok(start.elapsed())
        } else {
            Err(io::Error::other(format!(
                "asked {}, heard {heard:?}",
                self.asked
            )))
        }
    }
}

/// What many connections came to.
#[derive(Debug, Default)]
pub(crate) struct Talked {
    /// Answers heard.
    pub(crate) answers: u64,
    /// The longest that one took.
    pub(crate) slowest: Duration,
    /// What went wrong.
    pub(crate) faults: Vec<String>,
}

/// Connections that ask regularly, by a thread of their own.
pub(crate) struct Talk {
    ends: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
    thread: JoinHandle<(Vec<Connection>, Talked)>,
}

impl Talk {
    /// Has the connections talk.
    pub(crate) fn start(connections: Vec<Connection>) -> Self {
        let (ends, answers) = <(Arc<AtomicBool>, Arc<AtomicU64>)>::default();
        let thread = {
            let (ends, answers) = (Arc::clone(&ends), Arc::clone(&answers));
            std::thread::spawn(move || run(connections, &ends, &answers))
        };
        Self {
            ends,
            answers,
            thread,
        }
    }

    /// Answers heard so far.
    pub(crate) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Has them hear what they asked for and stop. The connections are still open.
    pub(crate) fn stop(self) -> (Vec<Connection>, Talked) {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().expect("the talk does not panic")
    }
}

/// A connection among many.
struct Line {
    connection: Connection,
    /// When it asks next.
    next: Instant,
    /// Since when it waits for an answer, and how much of it has come.
    waits: Option<(Instant, usize)>,
    is_dead: bool,
}

fn run(
    connections: Vec<Connection>,
    ends: &AtomicBool,
    answers: &AtomicU64,
) -> (Vec<Connection>, Talked) {
    let mut talked = Talked::default();
    let count = u32::try_from(connections.len()).expect("a few");
    let mut lines: Vec<Line> = Vec::new();
    for (number, connection) in (0..count).zip(connections) {
        connection
            .stream
            .set_nonblocking(true)
            .expect("a socket can");
        lines.push(Line {
            connection,
            // Spread over the time.
            next: Instant::now() + EVERY * number / count,
            waits: None,
            is_dead: false,
        });
    }
    loop {
        let asks = !ends.load(Ordering::Relaxed);
        let waits = |line: &Line| line.waits.is_some() && !line.is_dead;
        if !asks && !lines.iter().any(waits) {
            break;
        }
        let mut polled: Vec<_> = lines
            .iter()
            .map(|line| PollFd::new(line.connection.stream.as_fd(), flags(line)))
            .collect();
        poll(&mut polled, PollTimeout::ZERO).expect("poll");
        let ready: Vec<bool> = polled.iter().map(|fd| fd.any() == Some(true)).collect();
        for (number, (line, is_ready)) in lines.iter_mut().zip(ready).enumerate() {
            if line.is_dead {
                continue;
            }
            if let Err(error) = step(line, is_ready, asks, &mut talked) {
                line.is_dead = true;
                let after = line.connection.asked;
                talked
                    .faults
                    .push(format!("{number}, question {after}: {error}"));
            }
        }
        answers.store(talked.answers, Ordering::Relaxed);
        std::thread::sleep(REST);
    }
    for line in &lines {
        line.connection
            .stream
            .set_nonblocking(false)
            .expect("a socket can");
    }
    (
        lines.into_iter().map(|line| line.connection).collect(),
        talked,
    )
}

/// A dead line is not looked at.
fn flags(line: &Line) -> PollFlags {
    if line.is_dead {
        PollFlags::empty()
    } else {
        PollFlags::POLLIN
    }
}

fn step(line: &mut Line, is_ready: bool, asks: bool, talked: &mut Talked) -> io::Result<()> {
    let now = Instant::now();
    let connection = &mut line.connection;
    if is_ready {
        let mut heard = [0; 64];
        let length = match connection.stream.read(&mut heard) {
            Ok(0) => return Err(io::Error::other("closed by the other end")),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        let (since, before) = line.waits.unwrap_or((now, 8));
        let wanted = connection.asked.to_be_bytes();
        if wanted.get(before..before + length) != Some(&heard[..length]) {
            return Err(io::Error::other(format!("heard {:?}", &heard[..length])));
        }
        line.waits = Some((since, before + length)).filter(|(_, heard)| *heard < wanted.len());
        if line.waits.is_none() {
            talked.answers += 1;
            talked.slowest = talked.slowest.max(since.elapsed());
        }
    }
    match line.waits {
        Some((since, _)) if since.elapsed() > LATE => {
            return Err(io::Error::other(format!("no answer within {LATE:?}")));
        }
        None if asks && now >= line.next => {
            connection.asked += 1;
            connection
                .stream
                .write_all(&connection.asked.to_be_bytes())?;
            line.waits = Some((now, 0));
            line.next = now + EVERY;
        }
        _ => {}
    }
    Ok(())
}
