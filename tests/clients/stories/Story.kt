// openapi-generator, kotlin.
import org.openapitools.client.apis.PaymentsApi
import org.openapitools.client.infrastructure.ApiClient
import org.openapitools.client.infrastructure.ClientError
import org.openapitools.client.infrastructure.ClientException
import org.openapitools.client.infrastructure.Serializer
import org.openapitools.client.models.CreatePayment
import org.openapitools.client.models.ErrorReply
import org.openapitools.client.models.PaymentCreatedEvent

fun env(name: String): String = System.getenv(name)

fun payment(amount: Double) = CreatePayment(
    patientMrn = "MRN-12345",
    paymentMethod = "Card",
    referenceNumber = env("REFERENCE"),
    location = "1404",
    amount = amount,
)

fun refusalOf(call: () -> Any): String =
    try {
        call()
        "not refused"
    } catch (error: ClientException) {
        val body = (error.response as ClientError<*>).body as String
        "${error.statusCode} ${Serializer.moshi.adapter(ErrorReply::class.java).fromJson(body)?.code}"
    }

fun main() {
    ApiClient.apiKey["client_id"] = env("CLIENT_ID")
    ApiClient.apiKey["client_secret"] = env("CLIENT_SECRET")
    ApiClient.apiKey["access_token"] = env("ACCESS_TOKEN")
    val payments = PaymentsApi(env("BASE_URL"))
    val posted = payments.createPayment(payment(350.1), idempotencyKey = env("REFERENCE"))
    println("posted ${posted.paymentId}")
    val read = payments.getPayment(posted.paymentId!!).data
    println("read ${read.paymentId} ${read.amount}")
    println("listed ${payments.listPayments(referenceNumber = env("REFERENCE"), limit = 1).data[0].paymentId}")
    println("refused ${refusalOf { payments.createPayment(payment(350.123)) }}")
    println("missing ${refusalOf { payments.getPayment("0".repeat(32)) }}")
    val event = Serializer.moshi.adapter(PaymentCreatedEvent::class.java).fromJson(env("EVENT"))!!
    println("event ${event.type.value} ${event.`data`.paymentId}")
    kotlin.system.exitProcess(0)
}
