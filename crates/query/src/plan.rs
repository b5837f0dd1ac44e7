//! Questions as groupings to ask and a way to put the answers together, so that many can share one call of the store.

use arachne_store::{GroupRequest, Groups};

use crate::Queries;
use crate::error::QueryError;

/// Puts the answers to [`Plan::requests`] together, or asks more because of them.
type Finish<A> = Box<dyn FnOnce(Vec<Groups>) -> Result<Step<A>, QueryError> + Send>;

/// What is asked, and what becomes of the answers.
pub(crate) struct Plan<A> {
    pub requests: Vec<GroupRequest>,
    pub finish: Finish<A>,
}

/// Where answers lead.
pub(crate) enum Step<A> {
    /// To the end.
    Done(A),
    /// To further questions.
    More(Plan<A>),
}

impl<A: 'static> Plan<A> {
    pub fn new(
        requests: Vec<GroupRequest>,
        finish: impl FnOnce(Vec<Groups>) -> Result<A, QueryError> + Send + 'static,
    ) -> Self {
        Self { requests, finish: Box::new(move |groups| finish(groups).map(Step::Done)) }
    }

    /// A plan whose answers may be enough.
    pub fn step(
        requests: Vec<GroupRequest>,
        next: impl FnOnce(Vec<Groups>) -> Result<Step<A>, QueryError> + Send + 'static,
    ) -> Self {
        Self { requests, finish: Box::new(next) }
    }

    /// A plan whose first answers say what is to be asked then.
    pub fn before(
        requests: Vec<GroupRequest>,
        next: impl FnOnce(Vec<Groups>) -> Result<Self, QueryError> + Send + 'static,
    ) -> Self {
        Self { requests, finish: Box::new(move |groups| next(groups).map(Step::More)) }
    }

    /// The plan of an answer made from this one's.
    pub fn map<B: 'static>(self, change: impl FnOnce(A) -> B + Send + 'static) -> Plan<B> {
        let finish = self.finish;
        let changed = move |groups| {
            Ok(match finish(groups)? {
                Step::Done(answer) => Step::Done(change(answer)),
                Step::More(plan) => Step::More(plan.map(change)),
            })
        };
        Plan { requests: self.requests, finish: Box::new(changed) }
    }
}

impl Queries<'_> {
    /// Asks and puts together.
    pub(crate) fn run<A>(&self, mut plan: Plan<A>) -> Result<A, QueryError> {
        loop {
            match (plan.finish)(self.store.group(&plan.requests, self.watch)?)? {
                Step::Done(answer) => return Ok(answer),
                Step::More(next) => plan = next,
            }
        }
    }
}
