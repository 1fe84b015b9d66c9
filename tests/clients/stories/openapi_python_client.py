"""openapi-python-client."""

import json
import os

from payments.api.payments import create_payment, get_payment, list_payments
from payments.client import Client
from payments.models import CreatePayment, ErrorReply, PaymentCreatedEvent

env = os.environ
client = Client(
    base_url=env["BASE_URL"],
    headers={
        "client_id": env["CLIENT_ID"],
        "client_secret": env["CLIENT_SECRET"],
        "access_token": env["ACCESS_TOKEN"],
    },
)


def payment(amount):
    return CreatePayment(
        patient_mrn="MRN-12345",
        payment_method="Card",
        reference_number=env["REFERENCE"],
        location="1404",
        amount=amount,
    )


posted = create_payment.sync(client=client, body=payment(350.1), idempotency_key=env["REFERENCE"])
print("posted", posted.payment_id)
read = get_payment.sync(posted.payment_id, client=client).data
print("read", read.payment_id, read.amount)
print("listed", list_payments.sync(client=client, reference_number=env["REFERENCE"], limit=1).data[0].payment_id)
refused = create_payment.sync_detailed(client=client, body=payment(350.123))
assert isinstance(refused.parsed, ErrorReply)
print("refused", refused.status_code.value, refused.parsed.code)
missing = get_payment.sync_detailed("0" * 32, client=client)
assert isinstance(missing.parsed, ErrorReply)
print("missing", missing.status_code.value, missing.parsed.code)
event = PaymentCreatedEvent.from_dict(json.loads(env["EVENT"]))
print("event", event.type_.value, event.data.payment_id)
