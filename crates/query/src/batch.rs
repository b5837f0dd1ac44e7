//! Many panels in one call: panels about the same rows share a call of the store, calls about different rows go on side by side, and
//! each panel is given out when it is done.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use arachne_store::{GroupRequest, Measure, Selection};
use serde::{Deserialize, Serialize};

use crate::Queries;
use crate::codes::{CodesAnswer, CodesQuery};
use crate::difference::{DifferenceAnswer, DifferenceQuery};
use crate::error::{QueryError, at_most};
use crate::facets::{FacetsAnswer, FacetsQuery, ValuesAnswer, ValuesQuery};
use crate::histogram::{HistogramAnswer, HistogramQuery};
use crate::limits::{PANELS_MAX, SIDE_BY_SIDE_MAX};
use crate::list::{ListAnswer, ListQuery, ListTotal, Total};
use crate::map::{MapAnswer, MapQuery};
use crate::plan::{Plan, Step};
use crate::quality::{QualityAnswer, QualityQuery};
use crate::quantiles::{QuantilesAnswer, QuantilesQuery};
use crate::series::{MetricsAnswer, MetricsQuery, SeriesAnswer, SeriesQuery};
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
            /// Lines of logs by code, service and level.
            Codes(CodesQuery),
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
            /// How many rows a list has, behind its rows.
            Total(ListTotal),
            /// Lines of logs by code, service and level.
            Codes(CodesAnswer),
            $($(#[$doc])* $kind($answer),)*
        }

        impl Queries<'_> {
            fn plan(&self, panel: &Panel) -> Result<Option<Plan<PanelAnswer>>, QueryError> {
                Ok(match panel {
                    Panel::List(_) | Panel::Codes(_) => None,
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
    /// A metric over time.
    Series SeriesQuery SeriesAnswer plan_series;
    /// Which metrics there are.
    Metrics MetricsQuery MetricsAnswer plan_metrics;
}

/// Plans about the same rows, each with its panel's place.
struct Shared {
    selection: Selection,
    /// Whether they need histograms of numbers, which take longer than all else together: what needs none comes before.
    dear: bool,
    plans: Vec<(usize, Plan<PanelAnswer>)>,
}

/// Takes a panel's place and its answer. A list that is counted later has two.
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
            (Panel::Codes(query), None) => self.codes(query).map(PanelAnswer::Codes),
            (_, None) => Err(QueryError::BadFilter { diagnostics: Vec::new() }),
        }
    }

    /// Answers all panels; `finished` gets each as it is done, with its place. Lists come first, quantiles are begun last.
    ///
    /// # Errors
    /// When there are too many. What is wrong with one panel goes to `finished` and leaves the others alone.
    pub fn batch(&self, panels: &[Panel], finished: Finished<'_>) -> Result<(), QueryError> {
        at_most("panels", "panels", panels.len(), PANELS_MAX)?;
        let mut shared: Vec<Shared> = Vec::new();
        for (place, panel) in panels.iter().enumerate() {
            let plan = match panel {
                Panel::List(query) => match self.first_rows(query, |answer| finished(place, answer)) {
                    Some(total) => Ok(Some(total)),
                    None => continue,
                },
                // Its samples are rows, which groupings do not give.
                Panel::Codes(query) => {
                    finished(place, self.codes(query).map(PanelAnswer::Codes));
                    continue;
                }
                panel => self.plan(panel),
            };
            match plan {
                Ok(Some(plan)) if plan.requests.is_empty() => finished(place, self.run(plan)),
                Ok(Some(plan)) => share(&mut shared, place, plan),
                Ok(None) => {}
                Err(error) => finished(place, Err(error)),
            }
        }
        shared.sort_by_key(|shared| shared.dear);
        self.side_by_side(shared, finished);
        Ok(())
    }

    /// Begins them in their order, as many at a time as the machine has threads for.
    fn side_by_side(&self, all: Vec<Shared>, finished: Finished<'_>) {
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = threads.min(SIDE_BY_SIDE_MAX).min(all.len());
        if threads < 2 {
            all.into_iter().for_each(|shared| self.together(shared.plans, finished));
            return;
        }
        let waiting = Mutex::new(all.into_iter());
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        thread::scope(|scope| {
            let (sender, answers) = mpsc::channel();
            for _ in 0..threads {
                let sender = sender.clone();
                scope.spawn(move || {
                    while let Some(shared) = next() {
                        // Whoever receives goes on until all is sent.
                        self.together(shared.plans, &mut |place, answer| drop(sender.send((place, answer))));
                    }
                });
            }
            drop(sender);
            answers.into_iter().for_each(|(place, answer)| finished(place, answer));
        });
    }

    /// Answers a list, and says how to count it if that is to be done later.
    fn first_rows(
        &self,
        query: &ListQuery,
        finished: impl FnOnce(Result<PanelAnswer, QueryError>),
    ) -> Option<Plan<PanelAnswer>> {
        if query.count != Total::Later {
            finished(self.list(query).map(PanelAnswer::List));
            return None;
        }
        let answer = self.list(&ListQuery { count: Total::None, ..query.clone() });
        let total = answer.is_ok().then(|| self.plan_total(query));
        finished(answer.map(PanelAnswer::List));
        // The list was in order, so its scope is.
        Some(total?.ok()?.map(PanelAnswer::Total))
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

/// Puts a plan to those about the same rows.
fn share(all: &mut Vec<Shared>, place: usize, plan: Plan<PanelAnswer>) {
    let Some(selection) = plan.requests.first().map(|request| request.selection.clone()) else { return };
    let histogram = |measure: &Measure| matches!(measure, Measure::Histogram(_) | Measure::Sketch(_));
    let dear = plan.requests.iter().any(|request| request.measures.iter().any(histogram));
    match all.iter_mut().find(|shared| shared.dear == dear && same(&shared.selection, &selection)) {
        Some(shared) => shared.plans.push((place, plan)),
        None => all.push(Shared { selection, dear, plans: vec![(place, plan)] }),
    }
}

/// Whether two selections are of the same rows.
fn same(one: &Selection, other: &Selection) -> bool {
    let facts = |s: &Selection| (s.table.name, s.range, s.mode, s.now, s.counted_only);
    facts(one) == facts(other) && one.predicate == other.predicate
}
