//! A server that sends back what it gets: TCP bytes as they are, datagrams behind its own name.
//! Imports `dual_stack` (the port).

use std::io::{Read as _, Write as _};
use std::net::{Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, poll};
use xtask::lab::{Lab, inside};

use crate::dual_stack::SERVER_PORT;

/// How long the thread may overlook that it is to end, in milliseconds.
const WAIT: u16 = 50;
/// Between two looks at all connections: with many, a look costs more than an answer.
const REST: Duration = Duration::from_millis(2);

/// See the module. It ends when dropped.
pub(crate) struct Echo {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    /// Starts one in a role's namespace; it serves both families.
    #[track_caller]
    pub(crate) fn start(lab: &Lab, role: &str) -> Self {
        let sockets = inside(lab.ns(role), || {
            let any = (Ipv6Addr::UNSPECIFIED, SERVER_PORT);
            Ok((TcpListener::bind(any)?, UdpSocket::bind(any)?))
        });
        let (listener, datagrams) = sockets.expect("the port is free");
        let ends = Arc::new(AtomicBool::new(false));
        let mut server = Server {
            name: role.to_owned(),
            listener,
            datagrams,
            streams: Vec::new(),
        };
        let thread = {
            let ends = Arc::clone(&ends);
            std::thread::spawn(move || {
                server.be_nonblocking();
                while !ends.load(Ordering::Relaxed) {
                    server.serve();
                    std::thread::sleep(REST);
                }
            })
        };
        Self {
            ends,
            thread: Some(thread),
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Server {
    name: String,
    listener: TcpListener,
    datagrams: UdpSocket,
    streams: Vec<TcpStream>,
}

impl Server {
    fn be_nonblocking(&self) {
        self.listener.set_nonblocking(true).expect("a socket can");
        self.datagrams.set_nonblocking(true).expect("a socket can");
    }

    /// Waits for something and serves what is there.
    fn serve(&mut self) {
        let fds = [self.listener.as_fd(), self.datagrams.as_fd()].into_iter();
        let fds = fds.chain(self.streams.iter().map(|stream| stream.as_fd()));
        let mut polled: Vec<_> = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        poll(&mut polled, WAIT).expect("poll");
        let mut ready = polled.iter().map(|fd| fd.any() == Some(true));
        let accepts = ready.next() == Some(true);
        let hears = ready.next() == Some(true);
        let ready: Vec<bool> = ready.collect();
        let mut ready = ready.into_iter();
        self.streams
            .retain_mut(|stream| ready.next() != Some(true) || echo(stream));
        if hears {
            self.answer();
        }
        if accepts {
            while let Ok((stream, _)) = self.listener.accept() {
                stream.set_nonblocking(true).expect("a socket can");
                stream.set_nodelay(true).expect("a socket can");
                self.streams.push(stream);
            }
        }
    }

    fn answer(&self) {
        let mut heard = [0; 2048];
        while let Ok((length, from)) = self.datagrams.recv_from(&mut heard) {
            let answer = [self.name.as_bytes(), b" ", &heard[..length]].concat();
            let _ = self.datagrams.send_to(&answer, from);
        }
    }
}

/// Sends back what is there; `false` if nothing will come any more.
fn echo(stream: &mut TcpStream) -> bool {
    let mut heard = [0; 2048];
    match stream.read(&mut heard) {
        Ok(0) => false,
        Ok(length) => stream.write_all(&heard[..length]).is_ok(),
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    }
}
