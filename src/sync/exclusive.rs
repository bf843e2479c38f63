//! A value that is only reached through an exclusive reference.

/// A value that threads may share, because a shared reference to this type gives no access to it.
///
/// The mutex is never locked: it only tells the compiler that the value is not shared.
pub(crate) struct Exclusive<T: ?Sized>(parking_lot::Mutex<T>);

impl<T> Exclusive<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(parking_lot::Mutex::new(value))
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> Exclusive<T> {
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<R: std::io::Read + ?Sized> std::io::Read for Exclusive<R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.get_mut().read(buf)
    }
}
