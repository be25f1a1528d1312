//! Loading, attaching and reading the BPF program.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use aya::maps::{HashMap, MapData, PerCpuArray, RingBuf};
use aya::programs::{BtfTracePoint, RawTracePoint, RawTracePointRunOptions, TestRun};
use aya::{Btf, Ebpf, EbpfLoader, Pod};
use connlat_schema::Outcome;
use connlat_schema::capture::metadata::{Counters, Lost};
use connlat_schema::counter::{Counter, suppressed_slot};
use connlat_schema::decode::{ConnectEvent, DecodeError, decode_event, decode_start};
use connlat_schema::settings::{SETTINGS_GLOBAL, Settings};
use connlat_schema::wire::{ConnectRecord, ConnectStart, RECORD_MAGIC};

use super::error::{AttachError, check_kernel};
use super::filters::Filters;
use super::offsets::{ResolvedOffsets, can_trace_syscalls, kernel_types};
use super::state_programs::{self, StatePrograms};
use crate::host::CgroupPaths;

/// The committed object, built by `crates/probe-ebpf/build.sh`.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../probe-ebpf/connlat-probe.bpf.o");

const IN_FLIGHT_PROGRAM: &str = "connlat_in_flight";
const CONNECT_SYSCALL: u64 = libc::SYS_connect as u64;

/// What to record, and with how much kernel memory.
#[derive(Debug, Clone)]
pub struct ProbeOptions {
    /// Which connects.
    pub filters: Filters,
    /// The kernel's type information.
    pub btf: PathBuf,
    /// Finished attempts shorter than this are only counted, ns; 0 for none.
    pub min_latency_ns: u64,
    /// Whether connect(2) calls that fail before SYN_SENT are recorded too.
    pub trace_local_errors: bool,
    /// Size of the ring buffer, bytes, a power of two and a multiple of the page size.
    pub ring_bytes: u32,
    /// Slots of the in-flight table.
    pub max_in_flight: u32,
}

impl ProbeOptions {
    /// 8 MiB: 65,000 events, a second and a half at 40,000 connects a second.
    pub const DEFAULT_RING_SIZE: &str = "8MiB";
    /// 64k connects waiting for an answer at one time; about 10 MB.
    pub const DEFAULT_MAX_IN_FLIGHT: u32 = 65_536;

    /// What the large maps take, bytes: the ring buffer, and for each slot of
    /// the preallocated table its entry, key and `struct htab_elem`.
    pub fn kernel_memory(&self) -> u64 {
        const SLOT: u64 = size_of::<ConnectStart>() as u64 + 8 + 48;
        u64::from(self.ring_bytes) + u64::from(self.max_in_flight) * SLOT
    }
}

/// Threads inside connect(2) at one time, with `trace_local_errors`.
const MAX_CONNECTING: u32 = 16_384;

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
    state: StatePrograms,
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
        let kernel = check_kernel(&rustix::system::uname().release().to_string_lossy())?;
        Self::attach_programs(options, state_programs::needed(kernel))
    }

    fn attach_programs(
        options: &ProbeOptions,
        state_programs: &'static [&'static str],
    ) -> Result<Self, AttachError> {
        raise_memlock();
        let resolved = ResolvedOffsets::from_file(&options.btf)?;
        let cgroups = options.filters.resolve_cgroups(&CgroupPaths::open())?;
        if options.trace_local_errors && !can_trace_syscalls(&resolved.offsets) {
            return Err(AttachError::BadBtf("no fields for --trace-local-errors".to_owned()));
        }
        let settings = SettingsBytes(Settings {
            offsets: resolved.offsets,
            // Woken early at an eighth: the rest absorbs a slow reader.
            wakeup_bytes: u64::from(options.ring_bytes / 8),
            min_latency_ns: options.min_latency_ns,
            connect_syscall: if options.trace_local_errors { CONNECT_SYSCALL } else { 0 },
            filters: options.filters.bits(),
            ip_version: options.filters.ip_version.unwrap_or_default(),
            cgroup_level: cgroups.deepest,
            reserved: 0,
        });
        let btf = kernel_types(&options.btf)?;
        let mut loader = EbpfLoader::new();
        loader
            .btf(Some(&btf))
            .override_global(SETTINGS_GLOBAL, &settings, true)
            .map_max_entries("EVENTS", options.ring_bytes)
            .map_max_entries("IN_FLIGHT", options.max_in_flight)
            .map_max_entries(
                "CONNECTING",
                if options.trace_local_errors { MAX_CONNECTING } else { 1 },
            );
        options.filters.size_maps(&mut loader);
        let mut ebpf = loader.load(OBJECT).map_err(AttachError::from_aya)?;
        options.filters.fill_maps(&mut ebpf, &cgroups)?;
        let ring = take_map(&mut ebpf, "EVENTS")?;
        let counts = take_map(&mut ebpf, "COUNTS")?;
        let in_flight = take_map(&mut ebpf, "IN_FLIGHT")?;

        let mut unavailable = resolved.unavailable;
        let flush: &mut RawTracePoint = program(&mut ebpf, IN_FLIGHT_PROGRAM)?;
        if let Err(error) = flush.load() {
            let why = AttachError::from_aya(error);
            unavailable.push(format!("source ports of in_flight rows ({why})"));
        }
        if options.filters.follow {
            attach(&mut ebpf, "connlat_fork", "sched_process_fork", &btf)?;
            attach(&mut ebpf, "connlat_free", "sched_process_free", &btf)?;
        }
        if options.trace_local_errors {
            attach(&mut ebpf, "connlat_exit", "sys_exit", &btf)
                .map_err(AttachError::of_local_errors)?;
            attach(&mut ebpf, "connlat_enter", "sys_enter", &btf)
                .map_err(AttachError::of_local_errors)?;
        }
        let state = StatePrograms::attach(&mut ebpf, &btf, state_programs)
            .map_err(|error| error.with_types_of(&options.btf))?;
        Ok(Self { ebpf, state, ring, counts, in_flight, unavailable, undecodable: 0 })
    }

    /// From here on, processes that this one starts are followed.
    ///
    /// # Errors
    /// When the kernel refuses the entry.
    pub fn follow_children(&mut self) -> Result<(), AttachError> {
        let mut pids = self.pids()?;
        pids.insert(std::process::id(), 1, 0).map_err(AttachError::from_aya)
    }

    /// The command runs: what else this process might start is not followed.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn stop_following_children(&mut self) -> Result<(), AttachError> {
        self.pids()?.remove(&std::process::id()).map_err(AttachError::from_aya)
    }

    fn pids(&mut self) -> Result<HashMap<&mut MapData, u32, u8>, AttachError> {
        let map = self.ebpf.map_mut("PIDS");
        let map = map.ok_or_else(|| AttachError::Rejected("no map PIDS".to_owned()))?;
        HashMap::try_from(map).map_err(AttachError::from_aya)
    }

    /// What the kernel says about each loaded program, a line each.
    pub fn load_details(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, program) in self.ebpf.programs() {
            let Ok(info) = program.info() else { continue };
            lines.push(format!(
                "program {name}: type {}, id {}, tag {:016x}, {} bytes of instructions, {} verified, {} bytes of machine code, {} bytes locked",
                info.program_type() as u32,
                info.id(),
                info.tag(),
                info.size_translated().unwrap_or_default(),
                info.verified_instruction_count().unwrap_or_default(),
                info.size_jitted(),
                info.memory_locked().unwrap_or_default(),
            ));
        }
        lines
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
                end_missed: count(Counter::EndMissed),
                program_misses: self.state.missed(&self.ebpf, &count),
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
        self.state.detach(&mut self.ebpf);
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

/// Loads a program and attaches it to a tracepoint by its type.
pub(super) fn attach(
    ebpf: &mut Ebpf,
    name: &str,
    tracepoint: &'static str,
    btf: &Btf,
) -> Result<(), AttachError> {
    let program: &mut BtfTracePoint = program(ebpf, name)?;
    program.load(tracepoint, btf).map_err(|error| match error {
        aya::programs::ProgramError::Btf(_) => AttachError::NoTracepoint(tracepoint),
        other => AttachError::from_aya(other),
    })?;
    program.attach().map_err(AttachError::from_aya)?;
    Ok(())
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

pub(super) fn program<'a, P>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut P, AttachError>
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

#[cfg(test)]
mod tests;
