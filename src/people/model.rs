use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::{
    id::{CityId, CountyId, OrganizationId, PersonId},
    text_enum::text_enum,
};

text_enum! {
    /// What an organization is.
    pub enum OrganizationKind {
        /// A department, board or commission of the State of California.
        StateAgency = "STATE_AGENCY",
        /// A county or one of its departments.
        County = "COUNTY",
        /// A city's government.
        CityGovernment = "CITY_GOVERNMENT",
        /// A community-based organization.
        Cbo = "CBO",
        /// A school district or county office of education.
        SchoolDistrict = "SCHOOL_DISTRICT",
        /// A tribal government.
        Tribe = "TRIBE",
        /// A foundation or another philanthropic funder.
        Foundation = "FOUNDATION",
        /// Who runs All Children Thrive.
        ProgramAdministrator = "PROGRAM_ADMINISTRATOR",
        /// Anything else.
        Other = "OTHER",
    }
}

/// A party to grants: who funds, who receives, who helps.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Organization {
    /// Identifies the organization everywhere in Thrive.
    pub id: OrganizationId,
    /// The organization's name.
    pub name: String,
    /// What it is.
    pub kind: OrganizationKind,
    #[graphql(skip)]
    pub city_id: Option<CityId>,
    #[graphql(skip)]
    pub county_id: Option<CountyId>,
    /// Made up for a demonstration: it does not exist.
    pub fictional: bool,
    /// When it was entered.
    pub created_at: DateTime<Utc>,
}

/// A person that Thrive knows: staff, officials, partners.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Person {
    /// Identifies the person everywhere in Thrive.
    pub id: PersonId,
    /// The name as the person writes it.
    pub name: String,
    /// The position held, such as `Finance Director`.
    pub position: Option<String>,
    #[graphql(skip)]
    pub email: String,
    #[graphql(skip)]
    pub phone: Option<String>,
    #[graphql(skip)]
    pub mailing_address: Option<String>,
    #[graphql(skip)]
    pub organization_id: Option<OrganizationId>,
    #[graphql(skip)]
    pub city_id: Option<CityId>,
    /// Made up for a demonstration: the person does not exist.
    pub fictional: bool,
    /// When the person was entered.
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct NewOrganization {
    pub name: String,
    pub kind: OrganizationKind,
    pub city: Option<CityId>,
    pub county: Option<CountyId>,
    pub fictional: bool,
}

#[derive(Clone, Debug)]
pub struct NewPerson {
    pub name: String,
    pub email: String,
    pub phone: Option<String>,
    pub mailing_address: Option<String>,
    pub position: Option<String>,
    pub organization: Option<OrganizationId>,
    pub city: Option<CityId>,
    pub fictional: bool,
}
