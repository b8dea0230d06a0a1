//! Prices by other units than tokens: searches, images, seconds, characters.

use serde::Serialize;

use crate::json::{fields, leaves};

/// US dollars per unit, under the names of `LiteLLM`'s price map.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UnitPrice {
    /// A search: a query over up to a hundred documents.
    #[serde(skip_serializing_if = "is_zero")]
    pub input_cost_per_query: f64,
    /// A character of the input.
    #[serde(skip_serializing_if = "is_zero")]
    pub input_cost_per_character: f64,
    /// A token of an image in the prompt; if absent, the price of other input tokens.
    #[serde(skip_serializing_if = "is_zero")]
    pub input_cost_per_image_token: f64,
    /// A second of audio, heard or said.
    #[serde(skip_serializing_if = "is_zero")]
    pub output_cost_per_second: f64,
    /// A generated image of any size.
    #[serde(skip_serializing_if = "is_zero")]
    pub output_cost_per_image: f64,
    /// A pixel of a generated image.
    #[serde(skip_serializing_if = "is_zero")]
    pub output_cost_per_pixel: f64,
    /// A generated image, by its size and quality. They override the other prices of images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<PicturePrice>,
}

fields!(strict UnitPrice {
    input_cost_per_query, input_cost_per_character, input_cost_per_image_token, output_cost_per_second, output_cost_per_image, output_cost_per_pixel, pictures
});

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde's skip_serializing_if requires; wider than a pointer in 32 bits"
)]
fn is_zero(rate: &f64) -> bool {
    *rate == 0.0
}

impl UnitPrice {
    /// All prices but those by size, by their names in the price map.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let named = [
            ("input_cost_per_query", self.input_cost_per_query),
            ("input_cost_per_character", self.input_cost_per_character),
            ("input_cost_per_image_token", self.input_cost_per_image_token),
            ("output_cost_per_second", self.output_cost_per_second),
            ("output_cost_per_image", self.output_cost_per_image),
            ("output_cost_per_pixel", self.output_cost_per_pixel),
        ];
        named.into_iter().filter(|(_, rate)| *rate > 0.0)
    }

    /// What an image costs, US dollars.
    pub fn of_picture(&self, picture: Picture) -> f64 {
        // Without a size, providers draw a square.
        let (width, height) = match picture {
            Picture { width: 0, .. } => (1024, 1024),
            Picture { width, height, .. } => (width, height),
        };
        let of_size = self.pictures.iter().filter(|price| (price.width, price.height) == (width, height));
        let exact = of_size.clone().find(|price| price.quality == picture.quality);
        // Of qualities that the provider chooses, the most expensive one.
        let dearest = |a: &f64, b: &f64| a.total_cmp(b);
        exact
            .map(|price| price.cost)
            .or_else(|| of_size.map(|price| price.cost).max_by(dearest))
            .or_else(|| {
                let is_known = self.output_cost_per_image + self.output_cost_per_pixel > 0.0;
                self.pictures.iter().filter(|_| !is_known).map(|price| price.cost).max_by(dearest)
            })
            .unwrap_or_else(|| match self.output_cost_per_image {
                cost if cost > 0.0 => cost,
                _ => self.output_cost_per_pixel * f64::from(width) * f64::from(height),
            })
    }
}

/// The price of an image of that size and quality.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PicturePrice {
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// Its quality.
    pub quality: Quality,
    /// US dollars.
    pub cost: f64,
}

fields!(strict PicturePrice { width, height, quality, cost; "width", "height", "cost" });

/// The size and quality of generated images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Pixels; 0 if the provider chooses.
    pub width: u16,
    /// Pixels; 0 if the provider chooses.
    pub height: u16,
    /// The quality.
    pub quality: Quality,
}

impl Picture {
    /// The size in a request (`1024x1024`), or in a name of the price map (`1024-x-1024`).
    pub fn sized(text: &str) -> Option<Self> {
        let (width, height) = text.split_once("-x-").or_else(|| text.split_once('x'))?;
        Some(Self { width: width.parse().ok()?, height: height.parse().ok()?, quality: Quality::default() })
    }
}

/// `quality` of generated images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// The provider's default: `standard`, `auto`, or none.
    #[default]
    Standard,
    /// `hd`
    Hd,
    /// `low`
    Low,
    /// `medium`
    Medium,
    /// `high`
    High,
}

impl Quality {
    /// A quality by name; other names mean the provider's default.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "standard" => Some(Self::Standard),
            "hd" => Some(Self::Hd),
            "low" => Some(Self::Low),
            "medium" => Some(Self::Medium),
            "high" => Some(Self::High),
            _ => None,
        }
    }
}

leaves! {
    Quality: Quality::Standard, |token| Quality::named(token.get().trim_matches('"')), "a quality";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_costs_what_its_size_and_quality_cost() {
        let of = |quality, width, cost| PicturePrice { width, height: 1024, quality, cost };
        let price = UnitPrice {
            pictures: vec![
                of(Quality::Standard, 1024, 0.04),
                of(Quality::Hd, 1024, 0.08),
                of(Quality::Standard, 1792, 0.09),
            ],
            ..UnitPrice::default()
        };
        let cost = |size: &str, quality| {
            let picture = Picture::sized(size).unwrap_or_default();
            format!("{:.2}", price.of_picture(Picture { quality, ..picture }))
        };
        assert_eq!(cost("1024x1024", Quality::Standard), "0.04");
        assert_eq!(cost("1024x1024", Quality::Hd), "0.08");
        assert_eq!(cost("auto", Quality::Standard), "0.04");
        assert_eq!(cost("1024x1024", Quality::High), "0.08", "the most expensive one of that size");
        assert_eq!(cost("10x10", Quality::Standard), "0.09", "the most expensive one of all");
    }

    #[test]
    fn an_image_without_prices_by_size_costs_its_own_price_or_that_of_its_pixels() {
        let by_image = UnitPrice { output_cost_per_image: 0.04, ..UnitPrice::default() };
        assert!((by_image.of_picture(Picture::default()) - 0.04).abs() < 1e-9);
        let by_pixel = UnitPrice { output_cost_per_pixel: 1.0, ..UnitPrice::default() };
        assert!((by_pixel.of_picture(Picture::sized("2-x-3").unwrap()) - 6.0).abs() < 1e-9);
        assert!(UnitPrice::default().of_picture(Picture::default()).abs() < 1e-9);
    }
}
