//! Clouds that host models of others: the path says whose, and which version of the service.

use super::{AI21, ELSEWHERE, FOREIGN_PARAMS, MISTRAL, OPENAI_EMBEDDING, TEXT_ONLY, VENDOR};
use crate::dialects::openai::{Answers, Messages, Names, OPENAI_MODELS, OpenAi, Quirks, Surface};
use crate::openai::Operation;

pub(in crate::providers) static AZURE: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::AZURE,
    responses: true,
    models: OPENAI_MODELS,
    rejects: FOREIGN_PARAMS,
    embedding: OPENAI_EMBEDDING,
    surfaces: &[
        // The base URL already contains the surface.
        Surface { versions: &["preview"], base: "/openai/v1", prefix: "", query: "?api-version=preview" },
        Surface { versions: &[], base: "/openai/v1", prefix: "", query: "" },
        Surface { versions: &[], base: "/openai/deployments/", prefix: "", query: DATED },
        // `LiteLLM`'s values for the surface without dates.
        Surface { versions: &["preview"], base: "", prefix: "/openai/v1", query: "?api-version=preview" },
        Surface { versions: &["v1", "latest"], base: "", prefix: "/openai/v1", query: "" },
        Surface { versions: &[], base: "", prefix: "/openai/deployments/{model}", query: DATED },
    ],
    messages: Messages { developer: false, ..Quirks::NONE.messages },
    answer: Answers { mended: true, preamble: true, ..Quirks::NONE.answer },
    ..Quirks::NONE
});
const DATED: &str = "?api-version={api_version}";

pub(in crate::providers) static AZURE_AI: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::CHAT_AND_EMBEDDINGS,
    surfaces: &[
        Surface { versions: &[], base: "/openai/v1", prefix: "", query: "" },
        Surface { versions: &[], base: ".azure.com/models", prefix: "", query: DATED },
        Surface { versions: &[], base: ".services.ai.azure.com", prefix: "/models", query: DATED },
        Surface {
            versions: &[],
            base: ".openai.azure.com",
            prefix: "/openai/deployments/{model}",
            query: DATED,
        },
        Surface { versions: &[], base: "", prefix: "", query: "" },
    ],
    // It also serves other makers' models.
    responses: false,
    answer: Answers { thinks: true, ..AZURE.0.answer },
    ..AZURE.0
});

pub(in crate::providers) static DATABRICKS: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::CHAT_AND_EMBEDDINGS,
    lacks: &[
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "parallel_tool_calls",
        "presence_penalty",
        "seed",
        "top_logprobs",
    ],
    stream_options: false,
    embedding: TEXT_ONLY,
    ..VENDOR
});

/// Hosts models of `OpenAI` and others, with descriptive names.
pub(in crate::providers) static GITHUB: OpenAi =
    OpenAi(Quirks { endpoints: Quirks::CHAT_AND_EMBEDDINGS, models: OPENAI_MODELS, renames: &[], ..VENDOR });

/// Both, as served by Google Cloud: the path contains the model and whether to stream.
pub(in crate::providers) static VERTEX_MISTRAL: OpenAi = OpenAi(raw_predict(&MISTRAL.0));
pub(in crate::providers) static VERTEX_AI21: OpenAi = OpenAi(raw_predict(&AI21.0));
const fn raw_predict(quirks: &Quirks) -> Quirks {
    Quirks { endpoints: RAW_PREDICT, surfaces: RAW_PREDICT_SURFACE, names: Names::Unversioned, ..*quirks }
}
const RAW_PREDICT: &[(Operation, &str)] = &[(Operation::Chat, "")];
const RAW_PREDICT_SURFACE: &[Surface] =
    &[Surface { versions: &[], base: "", prefix: "/models/{model}:{method}", query: "" }];

/// An endpoint of Model Garden, which an operator deploys: a model server behind a number.
pub(in crate::providers) static VERTEX_ENDPOINT: OpenAi = OpenAi(Quirks {
    endpoints: Quirks::ALL,
    surfaces: VERTEX_ENDPOINT_SURFACE,
    names: Names::Nothing,
    ..ELSEWHERE
});
const VERTEX_ENDPOINT_SURFACE: &[Surface] =
    &[Surface { versions: &[], base: "", prefix: "/endpoints/{endpoint}", query: "" }];
