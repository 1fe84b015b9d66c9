"""openapi-generator, python."""

import json
import os

from openapi_client import ApiClient, ApiException, Configuration, CreatePayment, PaymentsApi
from openapi_client.models.error_reply import ErrorReply
from openapi_client.models.payment_created_event import PaymentCreatedEvent

env = os.environ
configuration = Configuration(
    host=env["BASE_URL"],
    api_key={
        "client_id": env["CLIENT_ID"],
        "client_secret": env["CLIENT_SECRET"],
        "access_token": env["ACCESS_TOKEN"],
    },
)
payments = PaymentsApi(ApiClient(configuration))


def payment(amount):
    return CreatePayment(
        patient_mrn="MRN-12345",
        payment_method="Card",
        reference_number=env["REFERENCE"],
        location="1404",
        amount=amount,
    )


def refusal_of(call):
    try:
        call()
    except ApiException as error:
        return f"{error.status} {ErrorReply.from_json(error.body).code}"
    return "not refused"


posted = payments.create_payment(payment(350.1), idempotency_key=env["REFERENCE"])
print("posted", posted.payment_id)
read = payments.get_payment(posted.payment_id).data
print("read", read.payment_id, read.amount)
print("listed", payments.list_payments(reference_number=env["REFERENCE"], limit=1).data[0].payment_id)
print("refused", refusal_of(lambda: payments.create_payment(payment(350.123))))
print("missing", refusal_of(lambda: payments.get_payment("0" * 32)))
event = PaymentCreatedEvent.from_json(env["EVENT"])
print("event", event.type, event.data.payment_id)
