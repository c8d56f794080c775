//! An [`Explanation`] for a person, and as a table.

use super::{ClassForces, Explanation, Forces};
use crate::report::text::Page;
use crate::report::view::{Style, Table, View, cell};

/// Most classes of the text: those with the strongest repulsion.
const MAX_SHOWN: usize = 20;

impl View for Explanation {
    const SCHEMA: &'static str = super::SCHEMA;

    fn text(&self, style: Style) -> String {
        let mut page = Page::new(style);
        page.paragraph(format_args!(
            "{} samples in {} dimensions, temperature {}; means over anchors",
            self.samples, self.dimension, self.temperature
        ));
        let all = &self.all;
        page.line(format_args!("supcon     {:<22} nats", all.supcon));
        page.line(format_args!("sincere    {:<22} nats, never above supcon", all.sincere));
        page.paragraph(format_args!(
            "bound      {:<22} on KL(p+||p-) + KL(p-||p+), from SINCERE",
            all.divergence_bound
        ));
        let mut shown: Vec<(&ClassForces, &Forces)> = self
            .per_class
            .iter()
            .filter_map(|class| Some((class, class.forces.as_ref()?)))
            .collect();
        if shown.len() > MAX_SHOWN {
            shown.sort_by(|a, b| b.1.repulsion.total_cmp(&a.1.repulsion));
            page.line(format_args!(
                "the {MAX_SHOWN} of {} classes whose positives repel most:",
                shown.len()
            ));
            shown.truncate(MAX_SHOWN);
        }
        let header = [
            "class",
            "samples",
            "supcon",
            "sincere",
            "repel",
            "push",
            "pull",
            "negatives",
            "sincere pull",
            "bound",
        ];
        page.table(
            &header,
            shown.iter().map(|(class, forces)| {
                vec![
                    cell(class.label.as_ref()),
                    class.samples.to_string(),
                    format!("{:.4}", forces.supcon),
                    format!("{:.4}", forces.sincere),
                    format!("{:.1}%", 100.0 * forces.repelling_share),
                    format!("{:.4}", forces.repulsion),
                    format!("{:.4}", forces.supcon_pull),
                    format!("{:.4}", forces.supcon_push),
                    format!("{:.4}", forces.sincere_pull),
                    format!("{:.4}", forces.divergence_bound),
                ]
            }),
        );
        page.line("");
        page.line(format_args!(
            "Under supcon {} of {} pairs of an anchor and a positive repel ({:.1}%): the softmax weight of the positive is above \
             1/|P|, at most {:.3} of it. Under SINCERE none does.",
            all.repelling_pairs,
            all.positive_pairs,
            100.0 * all.repelling_share,
            all.largest_weight
        ));
        page.text()
    }

    fn table(&self) -> Option<Table> {
        let of = |value: fn(&Forces) -> String| move |class: &ClassForces| cell(class.forces.as_ref().map(value));
        Some(Table::of_rows(
            &self.per_class,
            &[
                ("class", &|class| class.class.to_string()),
                ("label", &|class| cell(class.label.as_ref())),
                ("samples", &|class| class.samples.to_string()),
                ("supcon", &of(|forces| forces.supcon.to_string())),
                ("sincere", &of(|forces| forces.sincere.to_string())),
                ("positive_pairs", &of(|forces| forces.positive_pairs.to_string())),
                ("repelling_pairs", &of(|forces| forces.repelling_pairs.to_string())),
                ("repulsion", &of(|forces| forces.repulsion.to_string())),
                ("largest_weight", &of(|forces| forces.largest_weight.to_string())),
                ("supcon_pull", &of(|forces| forces.supcon_pull.to_string())),
                ("sincere_pull", &of(|forces| forces.sincere_pull.to_string())),
                ("supcon_push", &of(|forces| forces.supcon_push.to_string())),
                ("sincere_push", &of(|forces| forces.sincere_push.to_string())),
                ("divergence_bound", &of(|forces| forces.divergence_bound.to_string())),
            ],
        ))
    }

    fn passes(&self) -> bool {
        true
    }

    fn is_complete(&self) -> bool {
        true
    }
}
