//! Sets of series numbers that are mostly tiny.
//!
//! Most label values of a head belong to one series or a few; a roaring bitmap for each would cost
//! more than the series. [`Postings`] grows from one number to a list to a bitmap.

use roaring::RoaringBitmap;

/// Longest list before it becomes a bitmap: below this a sorted list is smaller and as fast.
const LIST_MAX: usize = 32;

/// A growing set of numbers.
#[derive(Clone, Debug)]
pub enum Postings {
    /// Exactly one.
    One(u32),
    /// Up to [`LIST_MAX`], ascending.
    List(Box<Vec<u32>>),
    /// More.
    Bitmap(Box<RoaringBitmap>),
}

impl Postings {
    /// Adds a number that is greater than all before it.
    pub fn push(&mut self, id: u32) {
        match self {
            Self::One(first) => {
                debug_assert!(*first < id);
                *self = Self::List(Box::new(vec![*first, id]));
            }
            Self::List(list) if list.len() < LIST_MAX => list.push(id),
            Self::List(list) => {
                let mut bitmap: RoaringBitmap = list.iter().copied().collect();
                bitmap.insert(id);
                *self = Self::Bitmap(Box::new(bitmap));
            }
            Self::Bitmap(bitmap) => drop(bitmap.insert(id)),
        }
    }

    /// Adds all numbers to `set`.
    pub fn add_to(&self, set: &mut RoaringBitmap) {
        match self {
            Self::One(id) => drop(set.insert(*id)),
            Self::List(list) => set.extend(list.iter().copied()),
            Self::Bitmap(bitmap) => *set |= &**bitmap,
        }
    }

    /// Whether any number is in `set`.
    pub fn intersects(&self, set: &RoaringBitmap) -> bool {
        match self {
            Self::One(id) => set.contains(*id),
            Self::List(list) => list.iter().any(|id| set.contains(*id)),
            Self::Bitmap(bitmap) => !bitmap.is_disjoint(set),
        }
    }

    /// How many numbers.
    pub fn len(&self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::List(list) => list.len() as u64,
            Self::Bitmap(bitmap) => bitmap.len(),
        }
    }

    /// A set is never empty: it is made with its first number.
    pub const fn is_empty(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_and_stays_the_same_set() {
        let mut postings = Postings::One(0);
        for id in 1..1000 {
            postings.push(id * 3);
            let mut set = RoaringBitmap::new();
            postings.add_to(&mut set);
            assert_eq!(set, (0..=id).map(|id| id * 3).collect::<RoaringBitmap>());
            assert_eq!(postings.len(), u64::from(id) + 1);
        }
        assert!(postings.intersects(&RoaringBitmap::from_iter([2997])));
        assert!(!postings.intersects(&RoaringBitmap::from_iter([2998])));
    }
}
