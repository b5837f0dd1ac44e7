//! What the shop sells, and words about it. The same in every process.

use serde_json::{Value, json};

use crate::random::Random;

/// How many products there are; they are numbered from 1.
pub const COUNT: usize = 24;

const FIBRES: [&str; 6] = ["merino", "alpaca", "linen", "mohair", "cotton", "silk"];
const COLOURS: [&str; 8] = ["indigo", "madder", "walnut", "saffron", "moss", "slate", "rose", "chalk"];
const WORDS: &str = "soft spun in small lots by a mill that has run on one river since long before us it keeps its shape \
                     after years of washing and takes cables lace and plain stitches alike each skein is wound by hand";

/// A product.
#[derive(Clone, Debug)]
pub struct Product {
    /// Its number.
    pub id: usize,
    /// What the database calls it.
    pub sku: String,
    /// What people call it.
    pub name: String,
    /// Metres in a skein.
    pub metres: usize,
    /// Skeins in stock.
    pub stock: usize,
    /// Two sentences.
    pub text: String,
}

/// Product `id`, where there is one.
pub fn product(id: usize) -> Option<Product> {
    if !(1..=COUNT).contains(&id) {
        return None;
    }
    let random = Random::new(id as u64);
    let (fibre, colour) = (FIBRES[id % FIBRES.len()], COLOURS[(id * 5) % COLOURS.len()]);
    Some(Product {
        id,
        sku: format!("{}-{id:03}", fibre[..3].to_uppercase()),
        name: format!("{} {fibre}", capital(colour)),
        metres: 100 + 25 * random.below(12),
        stock: random.below(400),
        text: format!("{}. {}.", words(&random, 14), words(&random, 9)),
    })
}

/// Products whose name has `term`, in either case.
pub fn search(term: &str) -> Vec<Product> {
    let term = term.to_lowercase();
    (1..=COUNT).filter_map(product).filter(|product| product.name.to_lowercase().contains(&term)).collect()
}

/// A word that people look for.
pub fn term(random: &Random) -> &'static str {
    let number = random.below(FIBRES.len() + COLOURS.len());
    FIBRES.iter().chain(&COLOURS).nth(number).copied().unwrap_or_default()
}

fn words(random: &Random, count: usize) -> String {
    let all: Vec<_> = WORDS.split(' ').collect();
    let start = random.below(all.len() - count);
    capital(&all[start..start + count].join(" "))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

impl Product {
    /// As the API gives it, without its price.
    pub fn json(&self) -> Value {
        json!({
            "id": self.id, "sku": self.sku, "name": self.name, "description": self.text,
            "metres": self.metres, "in_stock": self.stock,
            "image": format!("http://static.loom.example/img/{}.png", self.id),
            "links": {"self": format!("/v1/products/{}", self.id), "price": format!("/v1/products/{}/price", self.id)},
        })
    }
}
