//! The kinds of accounts.

use super::StoreError;

/// The kind of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A user.
    User,
    /// A team.
    Team,
    /// A user within a team; see [`member_id`](super::accounts::member_id).
    TeamMember,
    /// An organization.
    Organization,
    /// A user within an organization; see [`member_id`](super::accounts::member_id).
    OrganizationMember,
    /// A customer: an end user of the clients.
    Customer,
    /// A tag of requests.
    Tag,
    /// A budget that several keys or customers can refer to.
    Budget,
    /// All requests of the gateway.
    Gateway,
}

impl Kind {
    pub(super) const ALL: [Self; 9] = [
        Self::User,
        Self::Team,
        Self::TeamMember,
        Self::Organization,
        Self::OrganizationMember,
        Self::Customer,
        Self::Tag,
        Self::Budget,
        Self::Gateway,
    ];

    /// Its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Team => "team",
            Self::TeamMember => "team_member",
            Self::Organization => "organization",
            Self::OrganizationMember => "organization_member",
            Self::Customer => "customer",
            Self::Tag => "tag",
            Self::Budget => "budget",
            Self::Gateway => "gateway",
        }
    }

    pub(super) fn parse(name: &str) -> Result<Self, StoreError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| StoreError::Corrupt(format!("unknown account kind '{name}'")))
    }
}
