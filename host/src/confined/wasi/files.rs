//! Streams of files for components. The library's own read and write on a thread, which no process here can have.

use super::super::guest::TaskState;
use super::streams::always_ready;
use bytes::{Bytes, BytesMut};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, StreamError, StreamResult,
};
use wasmtime_wasi::{FsPerms, WasiView};

/// The interface that has them, in the version of the library.
const TYPES: &str = "wasi:filesystem/types@0.2.12";

/// How much is read or written at once, in bytes.
const PIECE: usize = 64 * 1024;

type Opened<T> = (Result<Resource<T>, ErrorCode>,);

/// Replaces the functions that make streams of files.
pub(super) fn link(linker: &mut Linker<TaskState>) -> wasmtime::Result<()> {
    let mut types = linker.instance(TYPES)?;
    types.func_wrap(
        "[method]descriptor.read-via-stream",
        |mut store: StoreContextMut<'_, TaskState>, (fd, offset): (Resource<Descriptor>, u64)| {
            let view = store.data_mut().ctx();
            let stream = readable(view.table.get(&fd)?).map(|file| {
                let stream: DynInputStream = Box::new(Reading { file, offset });
                stream
            });
            let opened: Opened<DynInputStream> = (match stream {
                Ok(stream) => Ok(view.table.push(stream)?),
                Err(error) => Err(error),
            },);
            Ok(opened)
        },
    )?;
    types.func_wrap(
        "[method]descriptor.write-via-stream",
        |store: StoreContextMut<'_, TaskState>, (fd, offset): (Resource<Descriptor>, u64)| {
            write(store, &fd, Some(offset))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.append-via-stream",
        |store: StoreContextMut<'_, TaskState>, (fd,): (Resource<Descriptor>,)| {
            write(store, &fd, None)
        },
    )
}

fn write(
    mut store: StoreContextMut<'_, TaskState>,
    fd: &Resource<Descriptor>,
    offset: Option<u64>,
) -> wasmtime::Result<Opened<DynOutputStream>> {
    let view = store.data_mut().ctx();
    let stream = writable(view.table.get(fd)?).map(|file| {
        let stream: DynOutputStream = Box::new(Writing { file, offset });
        stream
    });
    Ok((match stream {
        Ok(stream) => Ok(view.table.push(stream)?),
        Err(error) => Err(error),
    },))
}

fn readable(descriptor: &Descriptor) -> Result<Arc<File>, ErrorCode> {
    match descriptor {
        Descriptor::File(file) => Ok(Arc::clone(&file.file)),
        Descriptor::Dir(_) => Err(ErrorCode::IsDirectory),
    }
}

fn writable(descriptor: &Descriptor) -> Result<Arc<File>, ErrorCode> {
    match descriptor {
        Descriptor::File(file) if file.perms == FsPerms::ReadWrite => Ok(Arc::clone(&file.file)),
        Descriptor::File(_) => Err(ErrorCode::NotPermitted),
        Descriptor::Dir(_) => Err(ErrorCode::BadDescriptor),
    }
}

struct Reading {
    file: Arc<File>,
    offset: u64,
}

impl InputStream for Reading {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let mut bytes = BytesMut::zeroed(size.min(PIECE));
        let read = retried(|| self.file.read_at(&mut bytes, self.offset))?;
        if read == 0 && size > 0 {
            return Err(StreamError::Closed);
        }
        self.offset += read as u64;
        bytes.truncate(read);
        Ok(bytes.freeze())
    }
}

struct Writing {
    file: Arc<File>,
    /// Where the next byte goes; at the end, wherever that is, without.
    offset: Option<u64>,
}

impl OutputStream for Writing {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let written = match &mut self.offset {
                Some(offset) => {
                    let written = retried(|| self.file.write_at(rest, *offset))?;
                    *offset += written as u64;
                    written
                }
                None => retried(|| append(&self.file, rest))?,
            };
            rest = &rest[written..];
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PIECE)
    }
}

/// Writes at the end, as it is at that moment.
fn append(file: &File, bytes: &[u8]) -> std::io::Result<usize> {
    let parts = [std::io::IoSlice::new(bytes)];
    Ok(rustix::io::pwritev2(
        file,
        &parts,
        u64::MAX,
        rustix::io::ReadWriteFlags::APPEND,
    )?)
}

fn retried(mut act: impl FnMut() -> std::io::Result<usize>) -> StreamResult<usize> {
    loop {
        match act() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            other => return other.map_err(|error| StreamError::LastOperationFailed(error.into())),
        }
    }
}

always_ready!(Reading Writing);
