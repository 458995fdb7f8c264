"""What an operator asks: settings, keys, tokens, schemas, webhooks; and how things are removed."""

from collections.abc import Mapping

import httpx

from tools.openapi_examples.recorder import ORIGIN, Recorder


def tell_project(recorder: Recorder) -> None:
    """Told first: it opens the project to the browser's key."""
    ask, project_id = recorder.ask, recorder.project.project_id
    ask(
        "update-project",
        {
            "client_trusted_domains": [ORIGIN],
            "client_redeem_enabled": True,
            "client_publish_enabled": True,
            "client_list_vouchers_enabled": True,
            "client_create_customer_enabled": True,
            "client_loyalty_events_enabled": True,
        },
        projectId=project_id,
    )
    ask("get-project", projectId=project_id)
    ask("get-project-extensions")
    ask("replace-project-extensions", {"offer_pressure": [{"limit": 9, "window": "day"}]})
    colour = {"colour": {"type": "string", "optional": True, "array": False}}
    body = {"related_object": "product", "properties": colour, "allow_defined_only": False}
    schema = ask("create-metadata-schema", body, projectId=project_id)["id"]
    changed = {"properties": {"line": {"type": "string", "optional": True, "array": False}}}
    ask("update-metadata-schema", changed, projectId=project_id, metadataSchemaId=schema)
    ask("get-metadata-schema-1", projectId=project_id, metadataSchemaId=schema)
    ask("list-metadata-schemas-1", projectId=project_id)
    ask("list-metadata-schemas")
    ask("get-metadata-schema", resource="product")
    stars = {"properties": {"stars": {"type": "number", "optional": True}}}
    event = ask(
        "create-custom-event-schema", {"name": "review_written", "schema": stars}, projectId=project_id
    )["id"]
    words = {"properties": {"words": {"type": "number", "optional": True}}}
    ask("update-custom-event-schema", {"schema": words}, projectId=project_id, customEventSchemaId=event)
    ask("get-custom-event-schema", projectId=project_id, customEventSchemaId=event)
    ask("list-custom-event-schemas", projectId=project_id)
    stacking = {"redeemables_application_mode": "ALL", "redeemables_limit": 5}
    rules = ask("create-stacking-rules", stacking, projectId=project_id)["id"]
    changed = {**stacking, "applicable_redeemables_limit": 5}
    ask("update-stacking-rules", changed, projectId=project_id, stackingRulesId=rules)
    ask("get-stacking-rules", projectId=project_id, stackingRulesId=rules)
    ask("list-stacking-rules", projectId=project_id)


def tell_keys(recorder: Recorder) -> None:
    """Keys, tokens and hooks, each made and taken away again."""
    ask, project_id = recorder.ask, recorder.project.project_id
    made = ask(
        "create-project-key", {"kind": "server", "role": "VIEWER", "name": "Reports"}, projectId=project_id
    )
    recorder.alias(made["token"], "the-token-is-shown-once")
    ask("list-project-keys", projectId=project_id)
    ask("update-project-key", {"name": "Weekly reports"}, projectId=project_id, keyId=made["id"])
    _tell_what_all_answer(recorder, {"X-App-Id": made["id"], "X-App-Token": made["token"]})
    rotated = ask("rotate-project-key", {"overlap_seconds": 3600}, projectId=project_id, keyId=made["id"])
    recorder.alias(rotated["token"], "the-new-token-is-shown-once")
    ask("revoke-project-key", projectId=project_id, keyId=made["id"])
    token = ask("generate-oauth-token", {"grant_type": "client_credentials", "scope": "vouchers"})
    recorder.alias(token["access_token"], "the-access-token")
    ask("introspect-oauth-token", {"access_token": token["access_token"]})
    ask("revoke-oauth-token", {"access_token": token["access_token"]})
    hook = ask(
        "create-webhook",
        {"target_url": "https://shop.example/hooks", "events": ["redemption.succeeded"]},
        projectId=project_id,
    )["id"]
    path = {"projectId": project_id, "webhookId": hook}
    body = {"target_url": "https://shop.example/hooks", "events": ["redemption.succeeded"], "active": True}
    ask("update-webhook", body, **path)
    ask("get-webhook", **path)
    ask("list-webhooks", projectId=project_id)
    recorder.alias(ask("get-webhook-secret", **path)["secret"], "whsec_the-secret-of-the-webhook")
    rotated = ask("rotate-webhook-secret", {"grace_hours": 24}, **path)
    recorder.alias(rotated["secret"], "whsec_the-new-secret-of-the-webhook")
    ask("send-webhook-example", {"event": "redemption.succeeded"}, **path)
    ask("list-webhook-attempts", **path)
    ask("replay-webhook", {"since": "2026-11-22T00:00:00Z"}, **path)
    ask("forget-previous-webhook-secret", **path)
    ask("delete-webhook", **path)
    ask("list-audit-entries", query={"limit": "1"})
    ask("list-organisation-audit-entries", query={"limit": "1"})
    ask("get-engine-version")
    ask("get-liveness")
    ask("get-readiness")


def _tell_what_all_answer(recorder: Recorder, viewer: Mapping[str, str]) -> None:
    """Refusals at the edge, before any operation: no key, a key that may only look, bodies of no use."""
    http: httpx.Client = recorder.http
    recorder.common("Unauthorized", http.get("/v1/vouchers"))
    recorder.common("Forbidden", http.post("/v1/vouchers", headers=dict(viewer), json={}))
    headers = {**recorder.project.headers, "Content-Type": "text/plain"}
    recorder.common("UnsupportedMediaType", http.post("/v1/vouchers", headers=headers, content=b"code"))
    browser = {"Origin": ORIGIN, "Content-Type": "application/json"}
    browser |= {"X-Client-Application-Id": recorder.project.client_id}
    browser |= {"X-Client-Token": recorder.project.client_token}
    large = b'"' + b"x" * (1 << 20) + b'"'
    recorder.common("TooLarge", http.post("/client/v1/validations", headers=browser, content=large))


def tell_removals(recorder: Recorder, ids: Mapping[str, str]) -> None:
    """Told last. What is removed was made by the stories before."""
    ask, project_id = recorder.ask, recorder.project.project_id
    ask(
        "delete-validation-rule-assignment",
        validationRuleId=ids["rule"],
        assignmentId=ids["assignment"],
    )
    ask("delete-validation-rules", validationRuleId=ids["rule"])
    ask("delete-promotion-stack", campaignId=ids["promotion"], stackId=ids["stack"])
    ask("delete-promotion-tier", promotionTierId=ids["second_tier"])
    ask("delete-campaign-template", campaignTemplateId=ids["template"])
    ask("delete-campaign", campaignId=ids["promotion"])
    ask("delete-category", categoryId=ids["category"])
    ask("delete-voucher", code="FAIR-1")
    ask("delete-export", exportId=ids["export"])
    ask("customer-permanently-deletion", customerId="ann")
    ask("delete-customer", customerId="joe")
    body = {"name": "Shop in Poland", "timezone": "Europe/Warsaw", "currency": "PLN"}
    made = ask("create-project", {**body, "case_sensitive_codes": True})
    ask("list-projects")
    ask("delete-project", projectId=made["id"])
    product = ask("create-product", {"name": "Tray", "source_id": "tray"})["id"]
    ask("create-sku", {"source_id": "tray-small", "sku": "Small tray"}, productId=product)
    ask("delete-sku", productId=product, skuId="tray-small")
    ask("delete-product", productId=product)
    segments, locations = ask("list-segment")["data"], ask("list-locations")["data"]
    ask("delete-segment", segmentId=segments[0]["id"])
    ask("delete-location", locationId=locations[0]["id"])
    collections = ask("list-product-collections", query={"limit": "1"})["data"]
    ask("delete-product-collection", productCollectionId=collections[0]["id"])
    consents = ask("list-made-consents")["data"]
    ask("delete-consent", consentId=consents[0]["id"])
    for listed, removed, name in (
        ("list-metadata-schemas-1", "delete-metadata-schema", "metadataSchemaId"),
        ("list-custom-event-schemas", "delete-custom-event-schema", "customEventSchemaId"),
        ("list-stacking-rules", "delete-stacking-rules", "stackingRulesId"),
    ):
        page = ask(listed, projectId=project_id)
        (rows,) = (found for found in page.values() if isinstance(found, list))
        ask(removed, projectId=project_id, **{name: rows[0]["id"]})
