//! The observer's thread: waits for events, ends windows, has idle flows ended, answers questions.
//!
//! May import: dataplane (observed), endpoint-common::abi, the module's own, std, tokio::sync (answers).

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant, SystemTime};

use endpoint_common::abi::counter::{Counter, DropKey};
use endpoint_common::abi::event::DropEvent;
use endpoint_common::abi::flow::{Family, FlowEntry, KIND_REVERSED, Side};
use tokio::sync::{broadcast, oneshot};

use super::clock::Clock;
use super::flow_view::FlowView;
use super::names::Names;
use super::record::Record;
use super::rule_book::{RuleBook, RuleView, RulesOf};
use super::rule_hits::RuleHits;
use super::sink::Sink;
use super::totals::{Accepted, Totals};
use super::window::Window;
use crate::dataplane::{FlowId, Observed};

/// How long the thread waits for events before it looks at everything else.
const WAIT: Duration = Duration::from_millis(50);
/// How often idle flows are looked for, and how long a round through all entries takes.
const REAP_EVERY: Duration = Duration::from_millis(250);
const REAP_ROUND: Duration = Duration::from_secs(1);

/// How to observe.
#[derive(Debug, Clone)]
pub struct ObserverOptions {
    /// Length of a flow-log window.
    pub window: Duration,
    /// A file to append records to.
    pub file: Option<PathBuf>,
}

/// Records kept so far, and those to come.
type Following = (Vec<Arc<str>>, broadcast::Receiver<Arc<str>>);

enum Question {
    Names(Names),
    Book(RuleBook),
    Rules(RulesOf, oneshot::Sender<Result<Vec<RuleView>, String>>),
    Totals(oneshot::Sender<Totals>),
    Accepted(oneshot::Sender<Vec<Accepted>>),
    Flows(oneshot::Sender<Vec<FlowView>>),
    Part(Family, u32, oneshot::Sender<Option<Vec<FlowEntry>>>),
    Flush(oneshot::Sender<()>),
    Follow(oneshot::Sender<Following>),
    Stop(oneshot::Sender<Vec<Accepted>>),
}

/// Asks a running [`Observer`].
#[derive(Clone)]
pub struct ObserverHandle(Sender<Question>);

impl ObserverHandle {
    /// Replaces the names.
    pub fn set_names(&self, names: Names) {
        let _ = self.0.send(Question::Names(names));
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Option<T> {
        let (sender, answer) = oneshot::channel();
        self.0.send(question(sender)).ok()?;
        answer.await.ok()
    }

    /// Everything counted so far; `None` once the observer has stopped.
    pub async fn totals(&self) -> Option<Totals> {
        self.ask(Question::Totals).await
    }

    /// What every ENI has accepted so far.
    pub async fn accepted(&self) -> Option<Vec<Accepted>> {
        self.ask(Question::Accepted).await
    }

    /// Says which rules are in force.
    pub fn set_rules(&self, book: RuleBook) {
        let _ = self.0.send(Question::Book(book));
    }

    /// Rules in force, with what each has decided; an error if what they are asked of is not there.
    pub async fn rules(&self, of: RulesOf) -> Option<Result<Vec<RuleView>, String>> {
        self.ask(|to| Question::Rules(of, to)).await
    }

    /// Live flows.
    pub async fn flows(&self) -> Option<Vec<FlowView>> {
        self.ask(Question::Flows).await
    }

    /// A part of a family's flows, by the number of its entries: of a large table never all at a time.
    /// `None` behind the last.
    pub async fn part(&self, family: Family, number: u32) -> Option<Vec<FlowEntry>> {
        let first = number.checked_mul(Observed::PART)?;
        self.ask(|to| Question::Part(family, first, to)).await?
    }

    /// Ends the window now.
    pub async fn flush(&self) -> Option<()> {
        self.ask(Question::Flush).await
    }

    /// Records kept so far, and a channel for those to come.
    pub async fn follow(&self) -> Option<Following> {
        self.ask(Question::Follow).await
    }

    /// Ends the window and the thread: what every ENI had accepted by then.
    pub async fn stop(&self) -> Option<Vec<Accepted>> {
        self.ask(Question::Stop).await
    }
}

/// See the module.
pub struct Observer {
    observed: Observed,
    names: Names,
    window: Window,
    sink: Sink,
    options: ObserverOptions,
    unrecorded: u64,
    /// Drops that were told of.
    told: HashMap<DropKey, Counter>,
    book: RuleBook,
    hits: RuleHits,
}

impl Observer {
    /// Starts the thread.
    ///
    /// # Errors
    /// The flow-log file cannot be opened, or no thread can be had.
    pub fn start(observed: Observed, options: ObserverOptions) -> std::io::Result<ObserverHandle> {
        let (sender, questions) = channel();
        let mut observer = Self {
            observed,
            names: Names::default(),
            window: Window::default(),
            sink: Sink::open(options.file.as_deref())?,
            options,
            unrecorded: 0,
            told: HashMap::new(),
            book: RuleBook::default(),
            hits: RuleHits::default(),
        };
        std::thread::Builder::new()
            .name("observer".to_owned())
            .spawn(move || observer.run(&questions))?;
        Ok(ObserverHandle(sender))
    }

    fn run(&mut self, questions: &Receiver<Question>) {
        let mut window_ends = Instant::now() + self.options.window;
        let mut reaped = Instant::now();
        loop {
            self.observed.wait_for_events(WAIT);
            // Before events are looked at: names are sent before packets are judged by them.
            while let Ok(question) = questions.try_recv() {
                if !self.answer(question) {
                    return;
                }
            }
            self.drain_events();
            let now = Instant::now();
            if now >= reaped + REAP_EVERY {
                self.reap(now - reaped);
                self.drain_ends();
                reaped = now;
            }
            if now >= window_ends {
                self.end_window();
                window_ends = now + self.options.window;
            }
        }
    }

    /// Answers; `false` to stop. An asker that has gone away is no matter.
    fn answer(&mut self, question: Question) -> bool {
        match question {
            Question::Names(names) => self.set_names(names),
            Question::Book(book) => self.book = book,
            Question::Rules(of, to) => drop(to.send(self.rules(&of))),
            Question::Totals(to) => drop(to.send(self.totals())),
            Question::Accepted(to) => drop(to.send(self.accepted())),
            Question::Flows(to) => drop(to.send(self.flows())),
            Question::Part(family, first, to) => {
                drop(to.send(self.observed.part(family, first)));
            }
            Question::Follow(to) => drop(to.send(self.sink.follow())),
            Question::Flush(to) => {
                self.drain_events();
                self.end_window();
                let _ = to.send(());
            }
            Question::Stop(to) => {
                self.drain_events();
                self.end_window();
                let _ = to.send(self.accepted());
                return false;
            }
        }
        true
    }

    fn clock(&self) -> Clock {
        Clock::at(self.observed.now(), self.observed.tick(), SystemTime::now())
    }

    fn drain_events(&mut self) {
        while let Some(event) = self.observed.next_event() {
            let flow = || flow_of(&self.observed, &event);
            if !self.window.refusal(&event, flow) {
                self.unrecorded += 1;
            }
            if event.audited == 0 {
                let key = DropKey {
                    eni: event.eni,
                    reason: event.reason,
                    direction: event.direction,
                };
                let told = self.told.entry(key).or_default();
                told.packets += 1;
                told.bytes += u64::from(event.bytes);
            }
        }
    }

    /// Takes the names of a generation that comes. What flows have counted up to now is counted for the
    /// rules that judged them up to now.
    fn set_names(&mut self, names: Names) {
        self.attribute();
        let now = self.observed.now();
        for number in self.names.reused(&names) {
            let drops = self.observed.rule_drops(number, now);
            self.hits.begin(number, &drops);
        }
        for eni in self.names.freed(&names) {
            if let Err(error) = self.observed.forget_eni(eni) {
                tracing::error!("what ENI {eni} has counted is not forgotten: {error}");
            }
            self.told.retain(|key, _| key.eni != eni);
        }
        self.names = names;
    }

    /// Counts for rules what flows have counted.
    fn attribute(&mut self) {
        let clock = self.clock();
        for (id, flow) in self.observed.flows() {
            attribute(&mut self.window, &mut self.hits, &clock, id, &flow);
        }
    }

    fn look_at_rule_drops(&mut self) {
        let (now, clock) = (self.observed.now(), self.clock());
        for number in self.names.rule_numbers() {
            let drops = self.observed.rule_drops(number, now);
            self.hits.drop(number, &drops, &clock);
        }
    }

    fn rules(&mut self, of: &RulesOf) -> Result<Vec<RuleView>, String> {
        self.drain_ends();
        self.attribute();
        self.look_at_rule_drops();
        self.book.show(of, |number| self.hits.of(number))
    }

    fn end_window(&mut self) {
        let clock = self.clock();
        for refusal in self.window.close(self.observed.now()) {
            self.sink
                .write(&Record::reject(&self.names, &clock, &refusal));
        }
        self.drain_ends();
        let mut log = FlowLog {
            names: &self.names,
            window: &mut self.window,
            sink: &mut self.sink,
            hits: &mut self.hits,
        };
        for (id, flow) in self.observed.flows() {
            log.record(&clock, id, &flow);
        }
        self.window.forget_lost();
        self.look_at_rule_drops();
    }

    /// Has the kernel side look for idle flows: as many entries as make it come round in
    /// [`REAP_ROUND`].
    fn reap(&mut self, since: Duration) {
        let round = self.observed.round();
        let share = u128::from(round) * since.as_millis() / REAP_ROUND.as_millis();
        let turns = u32::try_from(share).unwrap_or(round).clamp(1, round);
        if let Err(error) = self.observed.reap(turns) {
            tracing::warn!("{error}");
        }
    }

    /// Records what flows that ended still counted.
    fn drain_ends(&mut self) {
        let clock = self.clock();
        let mut log = FlowLog {
            names: &self.names,
            window: &mut self.window,
            sink: &mut self.sink,
            hits: &mut self.hits,
        };
        while let Some((id, flow, _)) = self.observed.next_end() {
            log.record(&clock, id, &flow);
            log.window.forget(id);
        }
    }

    fn flows(&self) -> Vec<FlowView> {
        let clock = self.clock();
        let flows = self.observed.flows();
        flows
            .map(|(_, flow)| FlowView::new(&self.names, &clock, &flow))
            .collect()
    }

    fn accepted(&self) -> Vec<Accepted> {
        Accepted::by_eni(&self.observed, &self.names)
    }

    fn totals(&mut self) -> Totals {
        let drops = self.observed.drops();
        self.drain_events();
        Totals::of(
            &self.observed,
            &self.names,
            drops,
            &self.told,
            self.unrecorded + self.sink.lost,
        )
    }
}

/// What it takes to record flows.
struct FlowLog<'o> {
    names: &'o Names,
    window: &'o mut Window,
    sink: &'o mut Sink,
    hits: &'o mut RuleHits,
}

impl FlowLog<'_> {
    /// Records what a flow has counted since it was last recorded.
    fn record(&mut self, clock: &Clock, id: FlowId, flow: &FlowEntry) {
        attribute(self.window, self.hits, clock, id, flow);
        let counted = self.window.report(id, flow);
        for (side, counted) in Side::BOTH.into_iter().zip(counted) {
            if let Some(counted) = counted {
                self.sink
                    .write(&Record::accept(self.names, clock, flow, side, counted));
            }
        }
    }
}

/// Counts for rules what a flow has counted since that was last done.
fn attribute(
    window: &mut Window,
    hits: &mut RuleHits,
    clock: &Clock,
    id: FlowId,
    flow: &FlowEntry,
) {
    for (side, (rules, counter)) in Side::BOTH.into_iter().zip(window.attribute(id, flow)) {
        if counter.packets > 0 {
            let at = clock.unix_seconds(flow.half(side).state.last_seen);
            hits.accept(rules, counter, at);
        }
    }
}

/// The flow and the side of a packet that was refused, if the consumer leg's view of it is known to the
/// flow alone: the event shows the packet as it arrived. That is so of a backend's answers, and either
/// way of flows out of reverse endpoints.
fn flow_of(observed: &Observed, event: &DropEvent) -> Option<(FlowEntry, Side)> {
    let family = match IpAddr::from(event.src).to_canonical() {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    };
    let number = event.flow.checked_sub(1)?;
    let (_, flow) = observed.flow(family as u8, number)?;
    // The entry may hold another flow by now.
    let is_of = |side| {
        let half = flow.half(side);
        let key = &half.key;
        let ports = [key.src_port, key.dst_port] == [event.src_port, event.dst_port];
        let goes_so = half.state.direction() as u8 == event.direction;
        goes_so && key.src == event.src && key.dst == event.dst && ports
    };
    if is_of(Side::Back) {
        Some((flow, Side::Back))
    } else {
        let is_reversed = flow.common.kind == KIND_REVERSED;
        (is_reversed && is_of(Side::Forward)).then_some((flow, Side::Forward))
    }
}
