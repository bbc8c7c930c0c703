//! Chance.

use uuid::Uuid;

/// Random numbers: the system's in the real world, seeded in the simulated one.
pub trait Random: Send + Sync + 'static {
    /// Fills the whole buffer. In the real world fit for keys.
    fn fill(&self, buffer: &mut [u8]);

    /// A uniform number.
    fn next_u64(&self) -> u64 {
        let mut buffer = [0; 8];
        self.fill(&mut buffer);
        u64::from_le_bytes(buffer)
    }

    /// A random (version 4) UUID.
    fn uuid(&self) -> Uuid {
        let mut buffer = [0; 16];
        self.fill(&mut buffer);
        uuid::Builder::from_random_bytes(buffer).into_uuid()
    }
}
