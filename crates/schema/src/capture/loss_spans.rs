//! When attempts were lost, in a bounded number of spans.

use super::metadata::LossSpan;

/// Most spans kept; beyond it the closest are merged.
const MAX_SPANS: usize = 64;

/// Makes neighbours of one cause one span, the closest first, until there are
/// no more than fit into a capture; no count is dropped.
pub fn limit_loss_spans(spans: &mut Vec<LossSpan>) {
    while spans.len() > MAX_SPANS && merge_closest(spans) {}
}

/// False if no two have the same cause.
fn merge_closest(spans: &mut Vec<LossSpan>) -> bool {
    let mut best: Option<(i64, usize, usize)> = None;
    for (first, span) in spans.iter().enumerate() {
        let next = spans.iter().enumerate().skip(first + 1);
        if let Some((second, later)) = next.clone().find(|(_, later)| later.cause == span.cause) {
            let gap = later.from_ns.saturating_sub(span.to_ns);
            if best.is_none_or(|(smallest, ..)| gap < smallest) {
                best = Some((gap, first, second));
            }
        }
    }
    let Some((_, first, second)) = best else { return false };
    let later = spans.remove(second);
    spans[first].to_ns = later.to_ns;
    spans[first].count = spans[first].count.saturating_add(later.count);
    true
}
