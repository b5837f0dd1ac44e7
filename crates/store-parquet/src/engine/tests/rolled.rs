//! Roll-ups: the same answers as from points, however those came, whatever crashed, and after the points are gone.

use std::time::Duration;

use arachne_aggregate::distinct::Distinct;
use arachne_aggregate::histogram::Histogram;
use arachne_filter::Predicate;
use arachne_store::{
    Buckets, CountMode, GroupRequest, Key, Means, Measure, Measured, MemoryStore, Number, Scalar, Selection, TimeRange,
    Unwatched,
};
use proptest::prelude::*;

use super::*;
use crate::disk::{Fault, FaultDisk, Plan};

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3600 * SECOND;
/// An hour that is none of the first.
const START: i64 = 495_000 * HOUR;

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// Any point of a few series over so many hours.
    fn point(&mut self, hours: i64) -> PointRow {
        let tens = self.below(360 * hours.unsigned_abs()).cast_signed();
        let value = self.below(1_000_000).cast_signed();
        let kind = ["counter", "gauge", "histogram", "distinct"][self.below(4) as usize];
        let mut row = PointRow {
            start: START + tens * 10 * SECOND + self.below(3).cast_signed(),
            width: 10 * SECOND,
            agent: format!("web-{}", self.below(2)),
            name: format!("m.{kind}"),
            kind: kind.to_owned(),
            unit: "ns".to_owned(),
            labels: format!("a: {}\n", self.below(3)),
            count: 1 + self.below(5),
            sum: value - 1000,
            ..PointRow::default()
        };
        match kind {
            "gauge" => (row.min, row.max, row.last) = (Some(value - 5), Some(value + 5), Some(value)),
            "histogram" => {
                let mut histogram = Histogram::default();
                (0..row.count).for_each(|n| histogram.record(value.unsigned_abs() + n));
                row.sketch = histogram.to_bytes();
            }
            "distinct" => {
                let mut distinct = Distinct::new();
                distinct.insert(self.below(200).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                row.sketch = if self.below(40) == 0 { vec![99, 1] } else { distinct.to_bytes() };
            }
            _ => {}
        }
        row
    }

    fn points(&mut self, many: u64, hours: i64) -> Vec<PointRow> {
        (0..many).map(|_| self.point(hours)).collect()
    }
}

fn of(points: Vec<PointRow>) -> Rows {
    Rows { points, ..Rows::default() }
}

fn at(name: &str) -> usize {
    PointRow::TABLE.column(name).expect("a column")
}

/// All that series are asked for, by bucket, name and labels, or over the whole range.
fn question(range: (i64, i64), step: Option<i64>) -> GroupRequest {
    let range = TimeRange { from: range.0, to: range.1 };
    let buckets = step.map(|step| {
        let origin = range.from.div_euclid(step) * step;
        let count = u32::try_from((range.to - origin - 1) / step + 1).expect("few");
        Key::Bucket(Buckets { origin, step, count })
    });
    let number = |name| Number::Column(at(name));
    GroupRequest {
        selection: Selection {
            table: PointRow::TABLE,
            range,
            mode: CountMode::Start,
            predicate: Arc::new(Predicate::All),
            now: 0,
            counted_only: false,
        },
        keys: buckets.into_iter().chain(["name", "labels"].map(|name| Key::Column(at(name)))).collect(),
        measures: vec![
            Measure::Sum(number("sum")),
            Measure::Sum(number("count")),
            Measure::Min(number("min")),
            Measure::Max(number("max")),
            Measure::Last(number("last")),
            Measure::Max(number("start")),
            Measure::Sketch(at("sketch")),
            Measure::Means(Means { sum: at("sum"), count: at("count"), of: [at("labels"), at("agent")] }),
        ],
        groups_max: 1 << 20,
        whole: true,
    }
}

type Answer = BTreeMap<Vec<Scalar>, Vec<Measured>>;

fn ask(store: &dyn arachne_store::Store, request: &GroupRequest) -> (Answer, i64) {
    let groups = store.group(std::slice::from_ref(request), &Unwatched).expect("it answers").remove(0);
    (groups.groups.into_iter().map(|group| (group.key, group.measures)).collect(), groups.scanned.resolution)
}

/// The same answer made of points alone: nobody knows how many points there are from a roll-up.
fn ask_points(store: &EmbeddedStore, request: &GroupRequest) -> Answer {
    let mut request = request.clone();
    request.measures.push(Measure::Count);
    let (mut answer, resolution) = ask(store, &request);
    assert_eq!(resolution, 0);
    answer.values_mut().for_each(|measures| drop(measures.pop()));
    answer
}

/// Questions whose buckets are whole minutes or hours, and such whose are not; ranges that begin anywhere.
fn questions(dice: &mut Dice, hours: i64) -> Vec<GroupRequest> {
    let steps = [None, Some(10), Some(30), Some(60), Some(300), Some(3600), Some(7200)];
    let mut all = Vec::new();
    for step in steps {
        for whole in [true, false] {
            let mut border = || dice.below(3600 * hours.unsigned_abs()).cast_signed() * SECOND;
            let (a, b) = (border(), border());
            let range = (START + a.min(b), START + a.max(b) + SECOND);
            let down = |at: i64| at.div_euclid(HOUR) * HOUR;
            let range = if whole { (down(range.0), down(range.1) + HOUR) } else { range };
            all.push(question(range, step.map(|step| step * SECOND)));
        }
    }
    all
}

/// The same question so much later.
fn moved(request: &mut GroupRequest, by: i64) {
    request.selection.range.from += by;
    request.selection.range.to += by;
    if let Some(Key::Bucket(buckets)) = request.keys.first_mut() {
        buckets.origin += by.div_euclid(buckets.step) * buckets.step;
        buckets.count += 1;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn they_answer_what_points_answer(seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let (disk, hours) = (MemoryDisk::default(), 5);
        let memory = MemoryStore::default();
        let mut store = open(&disk);
        let mut again = questions(&mut dice, hours);
        for sequence in 1..12 {
            // Late ones are among them: any batch has points of any time.
            let many = 1 + dice.below(150);
            let points = dice.points(many, hours);
            memory.append(&token(sequence), of(points.clone())).expect("it takes them");
            store.append(&token(sequence), of(points)).expect("it takes them");
            match dice.below(5) {
                0 => store.flush().expect("it can write"),
                1 => store.flush().and_then(|()| store.roll_up()).expect("it can write"),
                2 => store.merge().expect("it can write"),
                3 => {
                    drop(store);
                    store = open(&disk);
                }
                _ => {}
            }
            // The same questions all the time, over ranges that move: what is kept of them must be what there is.
            for request in &mut again {
                if dice.below(3) == 0 {
                    moved(request, (dice.below(7).cast_signed() - 3) * 600 * SECOND);
                }
                prop_assert_eq!(ask(&store, request).0, ask(&memory, request).0);
            }
        }
        for request in questions(&mut dice, hours) {
            prop_assert_eq!(ask(&store, &request).0, ask(&memory, &request).0);
        }
        store.flush().and_then(|()| store.roll_up()).and_then(|()| store.merge()).expect("it can write");
        prop_assert!(part_rows(&store, TABLE_COUNT) > 0 && !store.core.roll_once().expect("nothing is left"));
        for request in questions(&mut dice, hours) {
            prop_assert_eq!(&ask(&store, &request).0, &ask_points(&store, &request));
            prop_assert_eq!(ask(&store, &request).0, ask(&memory, &request).0);
        }
    }
}

#[test]
fn an_answer_says_how_wide_the_windows_were_that_it_is_made_of() {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    store.append(&token(1), of(Dice(1).points(2000, 3))).expect("it takes them");
    let day = (START, START + 3 * HOUR);
    let resolution =
        |range, step: Option<i64>| ask(&store, &question(range, step.map(|step| step * SECOND))).1 / SECOND;
    assert_eq!(resolution(day, Some(3600)), 0, "nothing is rolled up");
    store.flush().and_then(|()| store.roll_up()).expect("it can write");
    let asked =
        [Some(30), Some(60), Some(90), Some(300), Some(3600), Some(7200), None].map(|step| resolution(day, step));
    assert_eq!(asked, [0, 60, 0, 60, 3600, 3600, 3600]);
    assert_eq!(resolution((START + 5 * SECOND, START + HOUR), Some(3600)), 60, "no hour is whole");
    assert_eq!(resolution((START + 5 * SECOND, START + 50 * SECOND), Some(60)), 0);
    let (points, minutes, hours) =
        (part_rows(&store, 6), part_rows(&store, TABLE_COUNT), part_rows(&store, TABLE_COUNT + 1));
    assert!(points == 2000 && minutes < points && hours < 200, "{points} {minutes} {hours}");
}

#[test]
fn what_was_found_in_parts_is_looked_for_once() {
    let disk = MemoryDisk::default();
    let mut dice = Dice(3);
    let looked = |store: &EmbeddedStore, request: &GroupRequest| {
        store.group(std::slice::from_ref(request), &Unwatched).expect("it answers").remove(0).scanned.rows
    };
    let mut request = question((START, START + 4 * HOUR), Some(30 * SECOND));
    let store = open(&disk);
    let mut all = dice.points(3000, 4);
    all.sort_by_key(|row| row.start);
    // An hour is a part.
    for (sequence, hour) in (1..).zip(all.chunk_by(|a, b| a.start / HOUR == b.start / HOUR)) {
        store.append(&token(sequence), of(hour.to_vec())).expect("it takes them");
        store.flush().expect("it can write");
    }
    assert_eq!([looked(&store, &request), looked(&store, &request)], [3000, 0]);
    moved(&mut request, 10 * 60 * SECOND);
    let first = looked(&store, &request);
    assert!((1..1000).contains(&first), "only the hour in which the range begins: {first}");

    // One point in memory: its slice is looked at, nothing else.
    let mut late = dice.point(1);
    late.start = START + 2 * HOUR;
    store.append(&token(10), of(vec![late])).expect("it takes it");
    let one = [looked(&store, &request), looked(&store, &request)];
    assert!(one[0] == one[1] && (first + 1..2000).contains(&one[0]), "memory is looked at each time: {one:?}");
    store.flush().expect("it can write");
    assert!(looked(&store, &request) > first, "another part, another answer");
    assert_eq!(looked(&store, &request), first);
    // Another question, and one whose buckets lie elsewhere.
    request.measures.pop();
    assert!(looked(&store, &request) > 2000);
    if let Some(Key::Bucket(buckets)) = request.keys.first_mut() {
        buckets.origin -= SECOND;
    }
    assert!(looked(&store, &request) > 2000);
    // Without room nothing is kept, with little room little.
    drop(store);
    for (room, kept) in [(0, false), (2_000_000, true)] {
        let narrow = Settings { slice_bytes: room, ..settings() };
        let store = EmbeddedStore::open_on(Arc::new(disk.clone()), narrow).expect("it opens");
        let answers: Vec<u64> = (0..4).map(|_| looked(&store, &request)).collect();
        assert_eq!(answers.iter().all(|looked| *looked > 2000), !kept, "{answers:?}");
    }
}

#[test]
fn they_stay_when_points_are_gone() {
    let disk = MemoryDisk::default();
    let mut limits = settings();
    limits.retention[6].max_age = Some(Duration::from_secs(3600));
    limits.retention[TABLE_COUNT].max_age = Some(Duration::from_secs(2 * 3600));
    let store = EmbeddedStore::open_on(Arc::new(disk.clone()), limits).expect("it is new");
    let mut dice = Dice(7);
    let mut all = dice.points(3000, 6);
    all.sort_by_key(|row| row.start);
    // An hour is a part.
    for (sequence, hour) in (1..).zip(all.chunk_by(|a, b| a.start / HOUR == b.start / HOUR)) {
        store.append(&token(sequence), of(hour.to_vec())).expect("it takes them");
        store.flush().and_then(|()| store.roll_up()).expect("it can write");
    }
    let hours = question((START, START + 6 * HOUR), Some(HOUR));
    let minutes = question((START + 4 * HOUR, START + 6 * HOUR), Some(60 * SECOND));
    // Begins inside a minute of which there are only hours.
    let odd = question((START + 90 * SECOND, START + 6 * HOUR), Some(HOUR));
    let before = [&hours, &minutes].map(|request| ask(&store, request).0);
    let gone = store.retire(START + 6 * HOUR).expect("it can write");
    assert!(gone[6] > 1000 && gone[TABLE_COUNT] > 0 && gone[TABLE_COUNT + 1] == 0, "{gone:?}");
    let store = open(&disk);
    assert_eq!([&hours, &minutes].map(|request| ask(&store, request).0), before);
    assert_eq!(ask(&store, &odd).0.len(), before[0].len(), "the first hour is there");
}

/// Points come, are rolled up and merged; `acked` is told how many are durable.
fn work(store: &EmbeddedStore, acked: &mut dyn FnMut(usize)) -> Result<(), StoreError> {
    for sequence in 1..6 {
        store.append(&token(sequence), of(Dice(sequence).points(40, 2)))?;
        acked(usize::try_from(sequence).unwrap_or_default());
        store.flush()?;
        if sequence % 2 == 0 {
            store.roll_up()?;
            store.merge()?;
        }
    }
    store.roll_up()
}

#[test]
fn a_crash_at_any_change_counts_nothing_twice() {
    let counting = Arc::new(FaultDisk::faulty(Arc::new(MemoryDisk::default()), None));
    let store = EmbeddedStore::open_on(Arc::clone(&counting) as Arc<dyn Disk>, settings()).expect("it is new");
    work(&store, &mut |_| ()).expect("the disk works");
    let step = if std::env::var_os("ARACHNE_ALL_FLIPS").is_some() { 1 } else { 11 };
    let range = (START, START + 2 * HOUR);
    let asked = [None, Some(60 * SECOND), Some(HOUR)].map(|step| question(range, step));
    let expected = asked.clone().map(|request| {
        let memory = MemoryStore::default();
        (1..6).for_each(|n| drop(memory.append(&token(n), of(Dice(n).points(40, 2)))));
        ask(&memory, &request).0
    });
    for at in (0..counting.changes()).step_by(step) {
        for fault in [Fault::PowerOff, Fault::Tear(5)] {
            let disk = MemoryDisk::default();
            let mut acked = 0;
            if let Ok(store) = on(FaultDisk::faulty(Arc::new(disk.clone()), Some(Plan { at, times: 1, fault }))) {
                drop(work(&store, &mut |n| acked = n));
            }
            let store = open(&disk);
            for request in &asked {
                assert_eq!(ask(&store, request).0, ask_points(&store, request), "change {at}");
            }
            let (points, _) = read::<PointRow>(&store);
            assert!(points.len() >= 40 * acked, "change {at}: {acked} batches were acknowledged");
            work(&store, &mut |_| ()).expect("the disk works");
            assert_eq!(asked.clone().map(|request| ask(&store, &request).0), expected, "change {at}");
        }
    }
}
