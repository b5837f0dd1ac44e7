//! Questions as groupings to ask and a way to put the answers together, so that many can share one call of the store.

use arachne_store::{GroupRequest, Groups};

use crate::Queries;
use crate::error::QueryError;

/// Puts the answers to [`Plan::requests`] together.
type Finish<A> = Box<dyn FnOnce(Vec<Groups>) -> Result<A, QueryError>>;

/// What is asked, and what becomes of the answers.
pub(crate) struct Plan<A> {
    pub requests: Vec<GroupRequest>,
    pub finish: Finish<A>,
}

impl<A: 'static> Plan<A> {
    pub fn new(
        requests: Vec<GroupRequest>,
        finish: impl FnOnce(Vec<Groups>) -> Result<A, QueryError> + 'static,
    ) -> Self {
        Self { requests, finish: Box::new(finish) }
    }

    /// The plan of an answer made from this one's.
    pub fn map<B: 'static>(self, change: impl FnOnce(A) -> B + 'static) -> Plan<B> {
        let finish = self.finish;
        Plan::new(self.requests, move |groups| finish(groups).map(change))
    }
}

impl Queries<'_> {
    /// Asks and puts together.
    pub(crate) fn run<A>(&self, plan: Plan<A>) -> Result<A, QueryError> {
        (plan.finish)(self.store.group(&plan.requests, self.watch)?)
    }
}
