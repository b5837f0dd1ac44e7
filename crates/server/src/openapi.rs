//! The OpenAPI document: what the routes declare, and what holds for all of them.

use std::collections::BTreeMap;

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, ResponseBuilder,
    SecurityRequirement,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::auth::Permission;
use crate::problem::{Mistake, MistakeFix, Problem, Span};

const ABOUT: &str = "Every route under /api/v1 answers JSON, unless it says otherwise. Instants are RFC 3339 with nanoseconds; \
    in requests also integers since 1970 in s, ms, us or ns, `now` and `-1h`. Durations are nanoseconds, sizes bytes. What \
    is wrong with a request is told as application/problem+json (RFC 9457) with a stable `code`. The header X-Query-Id, \
    chosen by the client, names a request so that DELETE /api/v1/queries/{id} can stop it.";

/// The operations of a path by method.
pub(crate) fn operations(item: &PathItem) -> [(&'static str, Option<&Operation>); 5] {
    [
        ("DELETE", item.delete.as_ref()),
        ("GET", item.get.as_ref()),
        ("PATCH", item.patch.as_ref()),
        ("POST", item.post.as_ref()),
        ("PUT", item.put.as_ref()),
    ]
}

/// Adds what holds for every route: the form of errors, the token, the permission.
pub(crate) fn finish(mut document: OpenApi, routes: &BTreeMap<(String, String), Permission>) -> OpenApi {
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    document.info = InfoBuilder::new()
        .title("Arachne")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(license))
        .build();
    document.servers = None;
    let declared = document.components.take().unwrap_or_default();
    let mut components = ComponentsBuilder::from(declared)
        .schema(Problem::name(), Problem::schema())
        .schema(Mistake::name(), Mistake::schema())
        .schema(MistakeFix::name(), MistakeFix::schema())
        .schema(Span::name(), Span::schema())
        .build();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token of auth.json.")).build();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    document.components = Some(components);
    for (path, item) in &mut document.paths.paths {
        let all = [
            ("DELETE", item.delete.as_mut()),
            ("GET", item.get.as_mut()),
            ("PATCH", item.patch.as_mut()),
            ("POST", item.post.as_mut()),
            ("PUT", item.put.as_mut()),
        ];
        for (method, operation) in all {
            let permission = routes.get(&(path.clone(), method.to_owned()));
            if let (Some(operation), Some(permission)) = (operation, permission) {
                common(operation, *permission);
            }
        }
    }
    document
}

fn common(operation: &mut Operation, permission: Permission) {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
    let error = ResponseBuilder::new()
        .description("What is wrong (RFC 9457)")
        .content("application/problem+json", problem)
        .build();
    operation.responses.responses.insert("default".to_owned(), RefOr::T(error));
    if permission == Permission::Public {
        return;
    }
    let right = serde_json::to_value(permission).unwrap_or_default();
    let note = format!("Right: `{}`.", right.as_str().unwrap_or_default());
    operation.description = Some(match operation.description.take() {
        Some(text) if !text.is_empty() => format!("{text}\n\n{note}"),
        _ => note,
    });
    let none: [&str; 0] = [];
    operation.security = Some(vec![SecurityRequirement::default(), SecurityRequirement::new("token", none)]);
}
