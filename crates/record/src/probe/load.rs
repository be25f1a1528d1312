//! Loading, attaching and reading the BPF program.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use aya::maps::{HashMap, MapData, PerCpuArray, RingBuf};
use aya::programs::{BtfTracePoint, RawTracePoint, RawTracePointRunOptions, TestRun};
use aya::{Btf, Ebpf, EbpfLoader, Pod};
use connlat_schema::Outcome;
use connlat_schema::capture::metadata::{Counters, Lost};
use connlat_schema::counter::{Counter, suppressed_slot};
use connlat_schema::decode::{ConnectEvent, DecodeError, decode_event, decode_start};
use connlat_schema::settings::{SETTINGS_GLOBAL, Settings, filter};
use connlat_schema::wire::{ConnectRecord, ConnectStart, RECORD_MAGIC};

use super::error::{AttachError, check_kernel};
use super::fdinfo::recursion_misses;
use super::offsets::{KERNEL_BTF, ResolvedOffsets};

/// The committed object, built by `crates/probe-ebpf/build.sh`.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../probe-ebpf/connlat-probe.bpf.o");

const TRACEPOINT: &str = "inet_sock_set_state";
const PROGRAM: &str = "connlat_state";
const IN_FLIGHT_PROGRAM: &str = "connlat_in_flight";

/// What to record, and with how much kernel memory.
#[derive(Debug, Clone)]
pub struct ProbeOptions {
    /// Only these processes; empty for all.
    pub pids: Vec<u32>,
    /// 4, 6 or both.
    pub ip_version: Option<u32>,
    /// Size of the ring buffer, bytes, a power of two and a multiple of the page size.
    pub ring_bytes: u32,
    /// Slots of the in-flight table.
    pub max_in_flight: u32,
}

/// The settings as aya wants them.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct SettingsBytes(Settings);

// SAFETY: `Settings` is `repr(C)`, consists of integers only and has no
// padding, which its crate asserts at compile time.
unsafe impl Pod for SettingsBytes {}

/// An in-flight entry as aya wants it.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct StartBytes([u8; size_of::<ConnectStart>()]);

// SAFETY: a plain byte array.
unsafe impl Pod for StartBytes {}

/// The attached program.
///
/// # Minimum kernel version
/// 5.10, with BTF.
pub struct Probe {
    ebpf: Ebpf,
    ring: RingBuf<MapData>,
    counts: PerCpuArray<MapData, u64>,
    in_flight: HashMap<MapData, u64, StartBytes>,
    unavailable: Vec<String>,
    undecodable: u64,
}

impl Probe {
    /// Loads the program and attaches it: from here on connects are seen.
    ///
    /// # Errors
    /// Any [`AttachError`].
    pub fn attach(options: &ProbeOptions) -> Result<Self, AttachError> {
        check_kernel(&rustix::system::uname().release().to_string_lossy())?;
        raise_memlock();
        let resolved = ResolvedOffsets::from_file(Path::new(KERNEL_BTF))?;
        let settings = SettingsBytes(Settings {
            offsets: resolved.offsets,
            // Woken early at an eighth: the rest absorbs a slow reader.
            wakeup_bytes: u64::from(options.ring_bytes / 8),
            min_latency_ns: 0,
            filters: filters(options),
            ip_version: options.ip_version.unwrap_or_default(),
        });
        let btf = Btf::from_sys_fs().map_err(|error| AttachError::BadBtf(error.to_string()))?;
        let pid_slots = u32::try_from(options.pids.len()).unwrap_or(u32::MAX).max(1);
        let mut ebpf = EbpfLoader::new()
            .btf(Some(&btf))
            .override_global(SETTINGS_GLOBAL, &settings, true)
            .map_max_entries("EVENTS", options.ring_bytes)
            .map_max_entries("IN_FLIGHT", options.max_in_flight)
            .map_max_entries("PIDS", pid_slots)
            .load(OBJECT)
            .map_err(AttachError::from_aya)?;

        let mut pids: HashMap<_, u32, u8> = take_map(&mut ebpf, "PIDS")?;
        for pid in &options.pids {
            pids.insert(pid, 1, 0).map_err(AttachError::from_aya)?;
        }
        let ring = take_map(&mut ebpf, "EVENTS")?;
        let counts = take_map(&mut ebpf, "COUNTS")?;
        let in_flight = take_map(&mut ebpf, "IN_FLIGHT")?;

        let mut unavailable = resolved.unavailable;
        let flush: &mut RawTracePoint = program(&mut ebpf, IN_FLIGHT_PROGRAM)?;
        if let Err(error) = flush.load() {
            let why = AttachError::from_aya(error);
            unavailable.push(format!("source ports of in_flight rows ({why})"));
        }
        let state: &mut BtfTracePoint = program(&mut ebpf, PROGRAM)?;
        state.load(TRACEPOINT, &btf).map_err(|error| match error {
            aya::programs::ProgramError::Btf(_) => AttachError::NoTracepoint,
            other => AttachError::from_aya(other),
        })?;
        state.attach().map_err(AttachError::from_aya)?;
        Ok(Self { ebpf, ring, counts, in_flight, unavailable, undecodable: 0 })
    }

    /// Optional kernel fields and abilities that are missing here.
    pub fn unavailable(&self) -> &[String] {
        &self.unavailable
    }

    /// Readable when the buffer fills; otherwise the reader polls.
    pub fn ring_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }

    /// Moves up to `most` waiting events to `events`; returns how many there were.
    pub fn drain(&mut self, most: usize, events: &mut Vec<ConnectEvent>) -> usize {
        let mut taken = 0;
        while taken < most
            && let Some(record) = self.ring.next()
        {
            taken += 1;
            match decode_event(&record) {
                Ok(event) => events.push(event),
                Err(_) => self.undecodable += 1,
            }
        }
        taken
    }

    /// The account of events so far; `written` is the caller's.
    pub fn counters(&self) -> Counters {
        let slot = |slot: u32| -> u64 {
            self.counts.get(&slot, 0).map(|cpus| cpus.iter().sum()).unwrap_or_default()
        };
        let count = |counter: Counter| slot(counter as u32);
        let suppressed = Outcome::ALL
            .into_iter()
            .map(|outcome| (outcome.as_str().to_owned(), slot(suppressed_slot(outcome))))
            .filter(|(_, count)| *count > 0)
            .collect();
        Counters {
            seen: count(Counter::Started),
            written: 0,
            filtered: count(Counter::Filtered),
            suppressed,
            end_without_start: count(Counter::EndWithoutStart),
            lost: Lost {
                ring_full: count(Counter::RingFull),
                in_flight_full: count(Counter::StartMapFull),
                end_missed: count(Counter::StartReplaced),
                program_misses: self.program_misses(),
                recorder: self.undecodable,
            },
        }
    }

    /// Ends the recording: reports what is still in flight at `stop_ns`
    /// (CLOCK_MONOTONIC), detaches, and drains the buffer into `events`.
    pub fn stop(&mut self, stop_ns: u64, events: &mut Vec<ConnectEvent>) {
        // While the program is attached it and the flush agree on who reports
        // an attempt, and the flush can still read the socket.
        for key in self.in_flight_keys() {
            if self.flush(key, stop_ns).is_err() {
                break;
            }
            self.drain(usize::MAX, events);
        }
        self.detach();
        self.drain(usize::MAX, events);
        // What began during the flush, or all of it where the kernel cannot
        // run the flush: without what only the socket knows.
        for key in self.in_flight_keys() {
            if let Ok(StartBytes(bytes)) = self.in_flight.get(&key, 0) {
                match decode_start(&bytes).and_then(|start| undecided(start, stop_ns)) {
                    Ok(event) => events.push(event),
                    Err(_) => self.undecodable += 1,
                }
            }
        }
    }

    fn flush(&mut self, key: u64, stop_ns: u64) -> Result<(), AttachError> {
        let program: &mut RawTracePoint = program(&mut self.ebpf, IN_FLIGHT_PROGRAM)?;
        let mut options = RawTracePointRunOptions::new();
        (options.args[0], options.args[1]) = (key, stop_ns);
        program.test_run(options).map_err(AttachError::from_aya)?;
        Ok(())
    }

    fn in_flight_keys(&self) -> Vec<u64> {
        self.in_flight.keys().filter_map(Result::ok).collect()
    }

    fn detach(&mut self) {
        if let Ok(state) = program::<BtfTracePoint>(&mut self.ebpf, PROGRAM) {
            // Unloading closes the link first; an error leaves it to the exit.
            let _ = state.unload();
        }
    }

    fn program_misses(&self) -> u64 {
        match self.ebpf.program(PROGRAM).map(aya::programs::Program::fd) {
            Some(Ok(fd)) => recursion_misses(fd.as_fd()),
            _ => 0,
        }
    }
}

/// An attempt that was not decided when the recording stopped.
fn undecided(start: ConnectStart, stop_ns: u64) -> Result<ConnectEvent, DecodeError> {
    ConnectEvent::try_from(&ConnectRecord {
        start,
        end_ns: stop_ns.max(start.start_ns),
        outcome: Outcome::InFlight as u32,
        magic: RECORD_MAGIC,
        ..ConnectRecord::default()
    })
}

fn filters(options: &ProbeOptions) -> u32 {
    let mut bits = 0;
    if !options.pids.is_empty() {
        bits |= filter::PID;
    }
    if options.ip_version.is_some() {
        bits |= filter::IP_VERSION;
    }
    bits
}

fn take_map<M>(ebpf: &mut Ebpf, name: &str) -> Result<M, AttachError>
where
    M: TryFrom<aya::maps::Map, Error = aya::maps::MapError>,
{
    let map = ebpf
        .take_map(name)
        .ok_or_else(|| AttachError::Rejected(format!("the BPF object has no map {name}")))?;
    M::try_from(map).map_err(AttachError::from_aya)
}

fn program<'a, P>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut P, AttachError>
where
    &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = aya::programs::ProgramError>,
{
    let program = ebpf
        .program_mut(name)
        .ok_or_else(|| AttachError::Rejected(format!("the BPF object has no program {name}")))?;
    program.try_into().map_err(AttachError::from_aya)
}

/// Kernels before 5.11 charge maps to RLIMIT_MEMLOCK; later ones do not care,
/// so a refusal is no error here.
fn raise_memlock() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let _ = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None });
}
