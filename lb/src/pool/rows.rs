//! The rows of every name ever shown: a name that comes back finds its number, its counters and
//! what was decided about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::health::Health;
use super::server::Row;

/// A service and a shown name.
type RowKey = (Arc<str>, Arc<str>);

/// Rows by service and shown name, with the health of who held them last.
#[derive(Debug)]
pub(super) struct Rows {
    rows: BTreeMap<RowKey, (Arc<Row>, Option<Health>)>,
    workers: usize,
    next_sid: u32,
}

impl Rows {
    pub(super) const fn new(workers: usize) -> Self {
        Self {
            rows: BTreeMap::new(),
            workers,
            next_sid: 1,
        }
    }

    /// The row of a name, and the health of who held it before.
    pub(super) fn seat(
        &mut self,
        service: &Arc<str>,
        name: &Arc<str>,
    ) -> (Arc<Row>, Option<Health>) {
        let id = (Arc::clone(service), Arc::clone(name));
        if let Some((row, health)) = self.rows.get(&id) {
            return (Arc::clone(row), health.clone());
        }
        if self.rows.len() >= MAX_ROWS {
            // Whoever holds a row has a share in it; the others are only remembered.
            self.rows.retain(|_, (row, _)| Arc::strong_count(row) > 1);
        }
        let row = Arc::new(self.unseen(name, self.next_sid));
        self.next_sid += 1;
        self.rows.insert(id, (Arc::clone(&row), None));
        (row, None)
    }

    /// A row for a node that is not shown under any name yet.
    pub(super) fn nameless(&self, name: &Arc<str>) -> Arc<Row> {
        Arc::new(self.unseen(name, 0))
    }

    /// Remembers the health of who held a row.
    pub(super) fn keep(&mut self, service: &Arc<str>, name: &Arc<str>, health: Health) {
        if let Some((_, kept)) = self.rows.get_mut(&(Arc::clone(service), Arc::clone(name))) {
            *kept = Some(health);
        }
    }

    fn unseen(&self, name: &Arc<str>, sid: u32) -> Row {
        Row::new(Arc::clone(name), sid, self.workers)
    }
}

/// Rows remembered, held or not.
const MAX_ROWS: usize = 4096;
