//! [`Usage`]: what this process used of the machine, as Linux tells it under `/proc`; [`Buckets`]: a server's histogram.
//!
//! Invariant: only read; where the system tells nothing, nothing is said, rather than zero.

use std::{collections::BTreeMap, fs, path::Path};

/// Clock ticks a second in `/proc`: fixed in the kernel's interface on every machine that runs this.
const CLOCK_TICKS: f64 = 100.0;

/// Sums since the process began, and what it holds now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    /// Seconds of processor time, in the program and in the kernel for it.
    pub(crate) cpu_seconds: f64,
    /// The same by the names of threads that live, numbers at their ends left out.
    pub(crate) threads: BTreeMap<String, f64>,
    /// Memory in KiB.
    pub(crate) resident_kib: u64,
    /// File descriptors that are open.
    pub(crate) descriptors: usize,
}

impl Usage {
    /// What this process has used until now.
    pub(crate) fn now() -> Option<Self> {
        let (_, cpu_seconds) = processor_time(Path::new("/proc/self/stat"))?;
        let mut threads = BTreeMap::new();
        for task in fs::read_dir("/proc/self/task").ok()?.flatten() {
            // One that has ended meanwhile is in the sum of the process alone.
            if let Some((name, seconds)) = processor_time(&task.path().join("stat")) {
                let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-').to_owned();
                *threads.entry(name).or_insert(0.0) += seconds;
            }
        }
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let resident_kib = resident.trim().trim_end_matches(" kB").parse().ok()?;
        Some(Self { cpu_seconds, threads, resident_kib, descriptors: fs::read_dir("/proc/self/fd").ok()?.count() })
    }

    /// Processor time since `before`, in all and by thread.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let used = |name: &String, seconds: &f64| seconds - before.threads.get(name).unwrap_or(&0.0);
        let threads = self.threads.iter().map(|(name, seconds)| (name.clone(), used(name, seconds))).collect();
        Self { cpu_seconds: self.cpu_seconds - before.cpu_seconds, threads, ..self.clone() }
    }

    /// Microseconds for each of `count` operations, by thread; short of a tenth of a microsecond is left out.
    pub(crate) fn each(&self, count: u64) -> String {
        let micros = |seconds: f64| seconds * 1e6 / count.max(1) as f64;
        let threads = self.threads.iter().map(|(name, seconds)| (name, micros(*seconds)));
        let mut threads: Vec<_> = threads.filter(|(_, each)| *each >= 0.1).collect();
        threads.sort_by(|a, b| b.1.total_cmp(&a.1));
        let parts: Vec<String> = threads.iter().map(|(name, each)| format!("{name} {each:.1}")).collect();
        format!("{:.1} us of processor each ({})", micros(self.cpu_seconds), parts.join(", "))
    }
}

/// Name and processor time of a process or thread.
fn processor_time(path: &Path) -> Option<(String, f64)> {
    let text = fs::read_to_string(path).ok()?;
    // proc(5): the name stands in brackets and may hold anything; fields 14 and 15 are the times.
    let (head, tail) = text.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((name.to_owned(), (ticks(11)? + ticks(12)?) / CLOCK_TICKS))
}

/// Processes that wanted a core over the last minute.
pub(crate) fn load_average() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// A histogram of a server: upper bound and count of each bucket, not summed up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buckets(Vec<(f64, u64)>);

impl Buckets {
    /// The histogram `name` in a Prometheus text.
    pub(crate) fn of(text: &str, name: &str) -> Self {
        let begin = format!("{name}_bucket{{le=\"");
        let mut below = 0;
        let bucket = |line: &str| {
            let (bound, count) = line.strip_prefix(&begin)?.split_once("\"}")?;
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
            let sum: u64 = count.trim().parse().ok()?;
            let count = sum.saturating_sub(below);
            below = sum;
            Some((bound, count))
        };
        Self(text.lines().filter_map(bucket).collect())
    }

    /// What was added since `before`.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let before = |at: usize| before.0.get(at).map_or(0, |(_, count)| *count);
        let buckets = self.0.iter().enumerate();
        Self(buckets.map(|(at, (bound, count))| (*bound, count.saturating_sub(before(at)))).collect())
    }

    /// What another one of the same bounds counted, too.
    pub(crate) fn add(&mut self, other: &Self) {
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
        } else {
            self.0.iter_mut().zip(&other.0).for_each(|((_, count), (_, more))| *count += more);
        }
    }

    /// How many values were counted.
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// The upper bound of the bucket in which the quantile lies: the value is at most that.
    pub(crate) fn at_most(&self, quantile: f64) -> f64 {
        let rank = (self.count() as f64 * quantile).ceil().max(1.0);
        let mut sum = 0;
        let found = self.0.iter().find(|(_, count)| {
            sum += count;
            sum as f64 >= rank
        });
        found.map_or(0.0, |(bound, _)| *bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_bound_of_its_bucket() {
        let text = "t_bucket{le=\"0.1\"} 90\nt_bucket{le=\"0.5\"} 99\nt_bucket{le=\"+Inf\"} 100\nt_count 100\nu_bucket{le=\"1\"} 7\n";
        let buckets = Buckets::of(text, "t");
        assert_eq!(buckets.count(), 100);
        assert_eq!([0.5, 0.9, 0.91, 0.99].map(|q| buckets.at_most(q)), [0.1, 0.1, 0.5, 0.5]);
        assert!(buckets.at_most(1.0).is_infinite());
        assert_eq!(buckets.since(&buckets).count(), 0);
        let mut sum = Buckets::default();
        sum.add(&buckets);
        sum.add(&buckets);
        assert_eq!((sum.count(), sum.at_most(0.9)), (200, 0.1));
        assert_eq!(Buckets::of(text, "absent").at_most(0.5), 0.0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_knows_what_it_uses() {
        let before = Usage::now().expect("this is Linux");
        let mut sum = 0_u64;
        while Usage::now().expect("this is Linux").since(&before).cpu_seconds < 0.02 {
            sum = (0..1_000_000_u64).fold(sum, |sum, n| sum ^ n.wrapping_mul(sum | 1));
        }
        let used = Usage::now().expect("this is Linux").since(&before);
        assert!(used.descriptors > 0 && used.resident_kib > 0, "{used:?} {sum}");
        assert!(used.each(1).starts_with(&format!("{:.1} us", used.cpu_seconds * 1e6)), "{}", used.each(1));
    }
}
