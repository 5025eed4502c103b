//! A call as operations see it, and where they are.
//!
//! May import: std, api, model.

use crate::api::{ApiError, Call, Parameters, Reader};
use crate::model::AccountId;

/// What operations need to know of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `RegionId` of this region.
    pub region: String,
    /// The domain that names of endpoints end with.
    pub domain: String,
}

/// One call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'c> {
    pub(super) account: &'c AccountId,
    pub(super) action: &'c str,
    pub(super) parameters: &'c Parameters,
    pub(super) settings: &'c Settings,
}

impl<'c> Request<'c> {
    pub(super) fn new(call: &'c Call, settings: &'c Settings) -> Self {
        Self {
            account: &call.account,
            action: &call.action,
            parameters: &call.parameters,
            settings,
        }
    }

    /// Reads the parameters; what every operation may have counts as asked for.
    pub(super) fn reader(&self) -> Reader<'c> {
        let mut reader = self.parameters.reader();
        for name in [
            "RegionId",
            "ClientToken",
            "DryRun",
            "OwnerId",
            "OwnerAccount",
            "ResourceOwnerId",
            "ResourceOwnerAccount",
        ] {
            reader.has(name);
        }
        reader
    }

    /// Refuses what is meant for another region (row F09).
    pub(super) fn check_region(&self, is_needed: bool) -> Result<(), ApiError> {
        let mut reader = self.parameters.reader();
        let given = reader.text("RegionId")?.filter(|text| !text.is_empty());
        match given {
            None if is_needed => Err(ApiError::missing("RegionId")),
            Some(region) if region != self.settings.region => Err(ApiError::new(
                404,
                "InvalidRegionId.NotFound",
                format!("The specified RegionId does not exist: {region}."),
            )
            .mend(format!("This is the region {}.", self.settings.region))),
            _ => Ok(()),
        }
    }
}
