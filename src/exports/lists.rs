//! How a list becomes a file: one task reads chunks, the connection writes them, and a chunk waits between the two.

use std::{future::Future, io};

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use tokio::sync::mpsc;

use super::{Format, Lines};
use crate::{App, Error, Result, error::without_values};

/// A list that can be read from where somebody has read it to.
pub trait List: Send + 'static {
    type Row: Send + 'static;

    /// The names of the columns, in order.
    const NAMES: &'static [&'static str];

    /// The rows that come next.
    fn next(&mut self, app: &App) -> impl Future<Output = Result<Chunk<Self::Row>>> + Send;

    /// Writes the columns of a row, in order.
    fn write(row: &Self::Row, line: &mut Lines);
}

/// Declares the columns of a list: what each is called, and what it holds.
macro_rules! columns {
    ($row:pat => $type:ty { $($name:literal: $cell:expr,)+ }) => {
        const NAMES: &'static [&'static str] = &[$($name),+];

        fn write($row: &$type, line: &mut $crate::exports::Lines) {
            $(line.cell($name, $cell);)+
        }
    };
}
pub(super) use columns;

/// Rows that were read at once.
pub struct Chunk<T> {
    pub rows: Vec<T>,
    /// Whether more may come.
    pub more: bool,
}

/// The bytes that are handed on at a time.
const PIECE: usize = 64 * 1024;

/// A list as a file, in pieces. `first` was read already, so that what cannot be answered was told before. Whoever stops
/// reading stops it; an error ends it in the middle, and what was written so far stands.
pub fn written<L: List>(
    app: App,
    mut list: L,
    format: Format,
    first: Chunk<L::Row>,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let (sender, chunks) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut chunk = Ok(first);
        loop {
            let more = chunk.as_ref().is_ok_and(|chunk: &Chunk<_>| chunk.more);
            // Nobody is there to read it any more, or it is the last.
            if sender.send(chunk).await.is_err() || !more {
                return;
            }
            chunk = list.next(&app).await;
        }
    });
    let mut head = Lines::new(format, PIECE);
    head.head(L::NAMES);
    let reading = Reading::<L> { format, chunks, rows: vec![].into_iter(), head: Some(head) };
    stream::try_unfold(reading, |mut reading| async move {
        let piece = reading.piece().await.map_err(broken_off)?;
        Ok(piece.map(|piece| (piece, reading)))
    })
}

/// The answer has begun: all that is left is to break it off, so that nobody takes it for whole.
fn broken_off(error: Error) -> io::Error {
    match &error {
        Error::Internal(cause) => {
            tracing::error!("an export broke off: {}", without_values(cause));
        }
        other => tracing::error!("an export broke off: {other}"),
    }
    io::Error::other("the export broke off")
}

struct Reading<L: List> {
    format: Format,
    chunks: mpsc::Receiver<Result<Chunk<L::Row>>>,
    rows: std::vec::IntoIter<L::Row>,
    head: Option<Lines>,
}

impl<L: List> Reading<L> {
    async fn piece(&mut self) -> Result<Option<Bytes>> {
        let head = self.head.take();
        // A row may be longer than what is left of the piece.
        let mut lines = head.unwrap_or_else(|| Lines::new(self.format, PIECE + PIECE / 8));
        while lines.len() < PIECE {
            if let Some(row) = self.rows.next() {
                L::write(&row, &mut lines);
                lines.end();
                continue;
            }
            match self.chunks.recv().await {
                Some(chunk) => self.rows = chunk?.rows.into_iter(),
                None => break,
            }
        }
        Ok((!lines.is_empty()).then(|| lines.into_bytes().into()))
    }
}
