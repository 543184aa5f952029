//! How a worker says that a task failed.

/// How much of a failure's message is read, in bytes.
const MESSAGE_BYTES: usize = 4096;

/// The ways in which a worker may say that a task failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TaskFailureKind {
    /// The code trapped.
    Trap = 1,
    /// The time limit passed.
    Timeout = 2,
    /// The fuel ran out.
    Fuel = 3,
    /// A growth of memory was refused, and the code trapped.
    Memory = 4,
    /// The result is too large.
    OutputLimit = 5,
    /// Instantiation failed.
    Init = 6,
    /// The arguments are more than the worker can hand over.
    BadArgument = 7,
    /// A host function that it called failed.
    HostCall = 8,
    /// A program ended with a status other than 0: the message is that number.
    Exit = 9,
}

impl TaskFailureKind {
    const ALL: [TaskFailureKind; 9] = [
        Self::Trap,
        Self::Timeout,
        Self::Fuel,
        Self::Memory,
        Self::OutputLimit,
        Self::Init,
        Self::BadArgument,
        Self::HostCall,
        Self::Exit,
    ];
}

/// A failure as a worker reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFailure {
    /// Which way.
    pub kind: TaskFailureKind,
    /// What the engine said, for a person: a line, and where code trapped one for each function that was being called.
    pub message: String,
}

impl TaskFailure {
    /// The failure of that number and with that message, if there is such a kind.
    pub(super) fn read(kind: u8, message: &[u8]) -> Option<TaskFailure> {
        let kind = TaskFailureKind::ALL
            .into_iter()
            .find(|known| *known as u8 == kind)?;
        let message = &message[..message.len().min(MESSAGE_BYTES)];
        Some(TaskFailure {
            kind,
            message: String::from_utf8_lossy(message).into_owned(),
        })
    }
}
