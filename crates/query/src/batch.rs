//! Many panels in one call: panels about the same rows share a call of the store, and each is given out when it is done.

use arachne_store::{GroupRequest, Selection};
use serde::{Deserialize, Serialize};

use crate::Queries;
use crate::difference::{DifferenceAnswer, DifferenceQuery};
use crate::error::{QueryError, at_most};
use crate::facets::{FacetsAnswer, FacetsQuery, ValuesAnswer, ValuesQuery};
use crate::histogram::{HistogramAnswer, HistogramQuery};
use crate::limits::PANELS_MAX;
use crate::list::{ListAnswer, ListQuery};
use crate::map::{MapAnswer, MapQuery};
use crate::plan::{Plan, Step};
use crate::quality::{QualityAnswer, QualityQuery};
use crate::quantiles::{QuantilesAnswer, QuantilesQuery};
use crate::top::{TopAnswer, TopQuery};

/// Declares a panel of each kind.
macro_rules! panels {
    ($($(#[$doc:meta])* $kind:ident $query:ident $answer:ident $plan:ident;)*) => {
        /// A question of any kind.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "lowercase")]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum Panel {
            /// A page of rows.
            List(ListQuery),
            $($(#[$doc])* $kind($query),)*
        }

        /// An answer of any kind.
        #[expect(clippy::large_enum_variant, reason = "answers are few, and each is moved a few times only")]
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(tag = "kind", rename_all = "lowercase")]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum PanelAnswer {
            /// A page of rows.
            List(ListAnswer),
            $($(#[$doc])* $kind($answer),)*
        }

        impl Queries<'_> {
            fn plan(&self, panel: &Panel) -> Result<Option<Plan<PanelAnswer>>, QueryError> {
                Ok(match panel {
                    Panel::List(_) => None,
                    $(Panel::$kind(query) => Some(self.$plan(query)?.map(PanelAnswer::$kind)),)*
                })
            }
        }
    };
}

panels! {
    /// A range histogram.
    Histogram HistogramQuery HistogramAnswer plan_histogram;
    /// A top.
    Top TopQuery TopAnswer plan_top;
    /// Quantiles over time.
    Quantiles QuantilesQuery QuantilesAnswer plan_quantiles;
    /// Values of fields.
    Facets FacetsQuery FacetsAnswer plan_facets;
    /// Values to offer.
    Values ValuesQuery ValuesAnswer plan_values;
    /// A selection against a baseline.
    Difference DifferenceQuery DifferenceAnswer plan_difference;
    /// Who talks to whom.
    Map MapQuery MapAnswer plan_map;
    /// Capture quality.
    Quality QualityQuery QualityAnswer plan_quality;
}

/// Plans about the same rows, each with its panel's place.
type Shared = (Selection, Vec<(usize, Plan<PanelAnswer>)>);

/// Takes a panel's place and its answer.
pub type Finished<'a> = &'a mut dyn FnMut(usize, Result<PanelAnswer, QueryError>);

impl Queries<'_> {
    /// The answer to a question of any kind.
    ///
    /// # Errors
    /// When the question is not in order, beyond a limit, or the store cannot answer.
    pub fn panel(&self, panel: &Panel) -> Result<PanelAnswer, QueryError> {
        match (panel, self.plan(panel)?) {
            (_, Some(plan)) => self.run(plan),
            (Panel::List(query), None) => self.list(query).map(PanelAnswer::List),
            (_, None) => Err(QueryError::BadFilter { diagnostics: Vec::new() }),
        }
    }

    /// Answers all panels; `finished` gets each as it is done, with its place. Lists come first: they are quick.
    ///
    /// # Errors
    /// When there are too many. What is wrong with one panel goes to `finished` and leaves the others alone.
    pub fn batch(&self, panels: &[Panel], finished: Finished<'_>) -> Result<(), QueryError> {
        at_most("panels", "panels", panels.len(), PANELS_MAX)?;
        let mut shared: Vec<Shared> = Vec::new();
        for (place, panel) in panels.iter().enumerate() {
            let plan = match (panel, self.plan(panel)) {
                (Panel::List(query), _) => {
                    finished(place, self.list(query).map(PanelAnswer::List));
                    continue;
                }
                (_, Ok(Some(plan))) => plan,
                (_, Ok(None)) => continue,
                (_, Err(error)) => {
                    finished(place, Err(error));
                    continue;
                }
            };
            let Some(selection) = plan.requests.first().map(|request| request.selection.clone()) else {
                finished(place, self.run(plan));
                continue;
            };
            match shared.iter_mut().find(|(other, _)| same(other, &selection)) {
                Some((_, plans)) => plans.push((place, plan)),
                None => shared.push((selection, vec![(place, plan)])),
            }
        }
        shared.into_iter().for_each(|(_, plans)| self.together(plans, finished));
        Ok(())
    }

    /// One call for all plans; what one of them asks because of the answers is its own.
    fn together(&self, plans: Vec<(usize, Plan<PanelAnswer>)>, finished: Finished<'_>) {
        let requests: Vec<GroupRequest> = plans.iter().flat_map(|(_, plan)| plan.requests.clone()).collect();
        match self.store.group(&requests, self.watch) {
            Ok(groups) => {
                let mut groups = groups.into_iter();
                for (place, plan) in plans {
                    let own = groups.by_ref().take(plan.requests.len()).collect();
                    match (plan.finish)(own) {
                        Ok(Step::Done(answer)) => finished(place, Ok(answer)),
                        Ok(Step::More(next)) => finished(place, self.run(next)),
                        Err(error) => finished(place, Err(error)),
                    }
                }
            }
            Err(error) => {
                let error = QueryError::from(error);
                plans.into_iter().for_each(|(place, _)| finished(place, Err(error.clone())));
            }
        }
    }
}

/// Whether two selections are of the same rows.
fn same(one: &Selection, other: &Selection) -> bool {
    let facts = |s: &Selection| (s.table.name, s.range, s.mode, s.now, s.counted_only);
    facts(one) == facts(other) && one.predicate == other.predicate
}
