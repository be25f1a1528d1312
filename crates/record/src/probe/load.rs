//! Loading, attaching and reading the BPF program.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};

use aya::maps::{Array, HashMap, MapData, RingBuf};
use aya::{Ebpf, EbpfLoader, Pod};
use connlat_schema::Outcome;
use connlat_schema::capture::metadata::Counters;
use connlat_schema::counter::{CounterBlock, CounterBlocks};
use connlat_schema::decode::{ConnectEvent, DecodeError, decode_event, decode_start};
use connlat_schema::offsets::Feature;
use connlat_schema::settings::{SETTINGS_GLOBAL, Settings};
use connlat_schema::wire::{ConnectRecord, ConnectStart, RECORD_MAGIC};

use super::account::{self, Unreadable};
use super::error::AttachError;
use super::networks::Networks;
use super::object::{attach, take_map};
use super::offsets::{ResolvedOffsets, kernel_types};
use super::options::ProbeOptions;
use super::processes::{self, Processes};
use super::state_programs::StatePrograms;
use super::test_run;
use crate::host::{CgroupPaths, KernelRelease};

/// The committed object, built by `crates/probe-ebpf/build.sh`.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../probe-ebpf/connlat-probe.bpf.o");

const IN_FLIGHT_PROGRAM: &str = "connlat_in_flight";
const CONNECT_SYSCALL: u64 = libc::SYS_connect as u64;

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
    counts: Array<MapData, CounterBlocks>,
    in_flight: HashMap<MapData, u64, StartBytes>,
    networks: Networks,
    unavailable: Vec<String>,
    undecodable: u64,
    /// Whether the program that reports what is in flight can be run.
    flushes: bool,
}

impl Probe {
    /// Loads the program and attaches it: from here on connects are seen.
    ///
    /// # Errors
    /// Any [`AttachError`].
    pub fn attach(options: &ProbeOptions) -> Result<Self, AttachError> {
        let release = KernelRelease::read();
        Self::attach_programs(options, super::state_programs::needed(release.version))
            // What the release says explains a refusal, it does not make one.
            .map_err(|error| error.on_kernel(&release))
    }

    fn attach_programs(
        options: &ProbeOptions,
        state_programs: &'static [&'static str],
    ) -> Result<Self, AttachError> {
        raise_memlock();
        let filters = &options.filters;
        let resolved = ResolvedOffsets::from_file(&options.btf)?;
        let cgroups = filters.resolve_cgroups(&CgroupPaths::open())?;
        let processes = Processes::wanted(filters)?;
        for (wanted, feature, option) in [
            (processes.is_some(), Feature::Processes, "--pid and --follow"),
            (options.trace_local_errors, Feature::LocalErrors, "--trace-local-errors"),
        ] {
            if wanted && !resolved.has_all_of(feature) {
                return Err(AttachError::BadBtf(format!("no fields for {option}")));
            }
        }
        let settings = SettingsBytes(Settings {
            offsets: resolved.offsets,
            // Woken early at an eighth: the rest absorbs a slow reader.
            wakeup_bytes: u64::from(options.ring_bytes / 8),
            min_latency_ns: options.min_latency_ns,
            connect_syscall: if options.trace_local_errors { CONNECT_SYSCALL } else { 0 },
            filters: filters.bits(),
            ip_version: filters.ip_version.unwrap_or_default(),
            cgroup_level: cgroups.deepest,
            sk_kern_sock_mask: resolved.masks.sk_kern_sock,
            pid_namespace: processes.as_ref().map_or([0; 2], Processes::numbered_in),
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
        filters.size_maps(&mut loader);
        let mut ebpf = loader.load(OBJECT).map_err(AttachError::from_aya)?;
        filters.fill_maps(&mut ebpf, &cgroups)?;
        let ring = take_map(&mut ebpf, "EVENTS")?;
        let counts = take_map(&mut ebpf, "COUNTS")?;
        let in_flight = take_map(&mut ebpf, "IN_FLIGHT")?;

        let mut unavailable = resolved.unavailable.clone();
        let flush = test_run::load(&mut ebpf, IN_FLIGHT_PROGRAM);
        let flushes = flush.is_ok();
        if let Err(why) = flush {
            unavailable.push(format!("source ports of in_flight rows ({why})"));
        }
        let networks = Networks::load(&mut ebpf, &resolved);
        if let Err(why) = &networks {
            unavailable.push(format!("settings of other network namespaces ({why})"));
        }
        let networks = networks.unwrap_or_default();
        if let Some(processes) = &processes {
            processes.attach(&mut ebpf, &btf)?;
        }
        if options.trace_local_errors {
            attach(&mut ebpf, "connlat_exit", "sys_exit", &btf)
                .map_err(AttachError::of_local_errors)?;
            attach(&mut ebpf, "connlat_enter", "sys_enter", &btf)
                .map_err(AttachError::of_local_errors)?;
        }
        let state = StatePrograms::attach(&mut ebpf, &btf, state_programs)
            .map_err(|error| error.with_types_of(&options.btf))?;
        if state.missed(&ebpf, &CounterBlock::default()).is_none() {
            unavailable.push("runs that the kernel skips (lost.program_misses)".to_owned());
        }
        let undecodable = 0;
        Ok(Self {
            ebpf,
            state,
            ring,
            counts,
            in_flight,
            networks,
            unavailable,
            undecodable,
            flushes,
        })
    }

    /// Whether processes that this one starts from here on are followed.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn follow_children(&mut self, follow: bool) -> Result<(), AttachError> {
        processes::follow_children(&mut self.ebpf, follow)
    }

    /// Kernel settings of a network namespace that a connect was recorded of,
    /// by sysctl name; `None` where it is gone or they cannot be read.
    pub fn network_settings(&mut self, netns: u32) -> Option<BTreeMap<String, String>> {
        self.networks.settings(&mut self.ebpf, netns)
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
    ///
    /// # Errors
    /// When a counter cannot be read: the account is then unknown.
    pub fn counters(&self) -> Result<Counters, Unreadable> {
        let sums = account::sum(&self.counts)?;
        let missed = self.state.missed(&self.ebpf, &sums).unwrap_or_default();
        Ok(account::counters(&sums, missed, self.undecodable))
    }

    /// Whether maps can be read now, and programs be run where that worked.
    pub fn is_readable(&mut self) -> bool {
        // No socket has address 0: there is nothing to report.
        let runs = !self.flushes || test_run::run(&mut self.ebpf, IN_FLIGHT_PROGRAM, 0).is_ok();
        let lists = self.in_flight.keys().all(|key| key.is_ok());
        runs && lists && self.counters().is_ok()
    }

    /// Reports what is still in flight now, and detaches: after this no connect
    /// is seen. Fetches what the buffer holds.
    pub fn detach(&mut self, events: &mut Vec<ConnectEvent>) {
        // While the program is attached it and the flush agree on who reports
        // an attempt, and the flush can still read the socket.
        for key in self.in_flight_keys() {
            if test_run::run(&mut self.ebpf, IN_FLIGHT_PROGRAM, key).is_err() {
                break;
            }
            self.drain(usize::MAX, events);
        }
        self.state.detach(&mut self.ebpf);
        self.drain(usize::MAX, events);
    }

    /// After [`Probe::detach`]: reports what began during the flush, or all that
    /// is in flight where the kernel cannot run the flush, without what only
    /// the socket knows. `stop_ns` is CLOCK_MONOTONIC after the detach.
    pub fn take_undecided(&mut self, stop_ns: u64, events: &mut Vec<ConnectEvent>) {
        for key in self.in_flight_keys() {
            if let Ok(StartBytes(bytes)) = self.in_flight.get(&key, 0) {
                match decode_start(&bytes).and_then(|start| undecided(start, stop_ns)) {
                    Ok(event) => events.push(event),
                    Err(_) => self.undecodable += 1,
                }
            }
        }
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

/// Kernels before 5.11 charge maps to RLIMIT_MEMLOCK; later ones do not care,
/// so a refusal is no error here.
fn raise_memlock() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let _ = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None });
}

#[cfg(test)]
mod tests;
