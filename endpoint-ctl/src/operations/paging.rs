//! Lists in pages: by token (`MaxResults`, `NextToken`), or by number (`PageNumber`, `PageSize`).
//!
//! May import: std, api.

use std::ops::RangeInclusive;

use crate::api::{ApiError, Reader};

/// A page of a list that is asked for by token.
#[derive(Debug, Clone, Copy)]
pub(super) struct TokenPage<'p> {
    most: usize,
    /// The last item of the page before; the token itself.
    after: Option<&'p str>,
}

impl<'p> TokenPage<'p> {
    /// Reads what page is asked for.
    pub(super) fn read(
        reader: &mut Reader<'p>,
        bounds: RangeInclusive<usize>,
        default: usize,
    ) -> Result<Self, ApiError> {
        let most = reader.integer("MaxResults", bounds)?.unwrap_or(default);
        let after = reader.text("NextToken")?.filter(|token| !token.is_empty());
        let is_token =
            |token: &str| token.len() <= 512 && token.bytes().all(|byte| byte.is_ascii_graphic());
        if after.is_some_and(|token| !is_token(token)) {
            return Err(reader.invalid("NextToken", "it is no token that was given out here"));
        }
        Ok(Self { most, after })
    }

    /// How many are asked for.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// The page's part of a list, and the token of the next page, empty at the end. Items are taken in the
    /// order of their keys, so what comes and goes meanwhile moves no other.
    pub(super) fn cut<T>(&self, mut items: Vec<T>, key: impl Fn(&T) -> String) -> (Vec<T>, String) {
        items.sort_by_cached_key(&key);
        if let Some(after) = self.after {
            items.retain(|item| key(item).as_str() > after);
        }
        let is_last = items.len() <= self.most;
        items.truncate(self.most);
        let token = if is_last {
            String::new()
        } else {
            items.last().map(key).unwrap_or_default()
        };
        (items, token)
    }
}

/// A page of a list that is asked for by number.
#[derive(Debug, Clone, Copy)]
pub(super) struct NumberedPage {
    pub(super) number: usize,
    pub(super) size: usize,
}

impl NumberedPage {
    /// Reads what page is asked for.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        largest: usize,
        default: usize,
    ) -> Result<Self, ApiError> {
        let number = reader.integer("PageNumber", 1..=100_000)?.unwrap_or(1);
        let size = reader.integer("PageSize", 1..=largest)?.unwrap_or(default);
        Ok(Self { number, size })
    }

    /// The page's part of a list.
    pub(super) fn cut<T>(&self, items: Vec<T>) -> Vec<T> {
        let before = (self.number - 1).saturating_mul(self.size);
        items.into_iter().skip(before).take(self.size).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_by_token_are_the_whole_list_once() {
        let all: Vec<String> = (0..25).map(|number| format!("id-{number:02}")).collect();
        let mut after = String::new();
        let mut seen = Vec::new();
        for _ in 0..4 {
            let page = TokenPage {
                most: 10,
                after: Some(after.as_str()).filter(|after| !after.is_empty()),
            };
            let (items, token) = page.cut(all.clone(), String::clone);
            seen.extend(items);
            after = token;
            if after.is_empty() {
                break;
            }
        }
        assert_eq!(seen, all);
    }
}
