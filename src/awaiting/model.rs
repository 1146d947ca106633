use crate::{
    access::{Identity, Role},
    delegations::Authority,
    id::{OrganizationId, PersonId},
    money::Money,
};

/// Who asks, as far as it decides what waits for them.
#[derive(Clone, Debug)]
pub struct Asker {
    pub person: PersonId,
    pub role: Option<Role>,
    /// The powers to decide disbursements: the own one, and those of approvers who are away.
    pub powers: Vec<Authority>,
    /// The most that may be decided by the own power; none is no limit.
    pub limit: Option<Money>,
    /// The organizations whose finance staff it is.
    pub organizations: Vec<OrganizationId>,
}

impl Asker {
    pub fn of(identity: &Identity, powers: Vec<Authority>) -> Self {
        let finance = identity.role == Role::CityFinance;
        Self {
            person: identity.person,
            role: Some(identity.role),
            powers,
            limit: identity.approval_limit,
            organizations: if finance { identity.reach.organizations.clone() } else { vec![] },
        }
    }

    /// Nothing waits for whoever has not signed in.
    pub fn nobody() -> Self {
        let person = PersonId(uuid::Uuid::nil());
        Self { person, role: None, powers: vec![], limit: None, organizations: vec![] }
    }

    pub fn is(&self, role: Role) -> bool {
        self.role == Some(role)
    }

    pub fn absent(&self) -> Vec<Option<PersonId>> {
        self.powers.iter().map(|power| power.absent).collect()
    }

    pub fn limits(&self) -> Vec<Option<Money>> {
        self.powers.iter().map(|power| power.limit).collect()
    }
}
