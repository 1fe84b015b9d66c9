// openapi-generator, java.
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.PaymentsApi;
import org.openapitools.client.auth.ApiKeyAuth;
import org.openapitools.client.model.CreatePayment;
import org.openapitools.client.model.CreatePaymentAnswer;
import org.openapitools.client.model.ErrorReply;
import org.openapitools.client.model.Payment;
import org.openapitools.client.model.PaymentCreatedEvent;
import org.openapitools.client.model.PaymentList;

public class Story {
  interface Call { Object run() throws ApiException; }

  static String refusalOf(Call call) throws Exception {
    try {
      call.run();
      return "not refused";
    } catch (ApiException error) {
      return error.getCode() + " " + ErrorReply.fromJson(error.getResponseBody()).getCode();
    }
  }

  static CreatePayment payment(double amount) {
    return new CreatePayment().patientMrn("MRN-12345").paymentMethod("Card")
        .referenceNumber(System.getenv("REFERENCE")).location("1404").amount(amount);
  }

  static void key(ApiClient client, String name, String variable) {
    ((ApiKeyAuth) client.getAuthentication(name)).setApiKey(System.getenv(variable));
  }

  public static void main(String[] arguments) throws Exception {
    ApiClient client = new ApiClient();
    client.setBasePath(System.getenv("BASE_URL"));
    key(client, "client_id", "CLIENT_ID");
    key(client, "client_secret", "CLIENT_SECRET");
    key(client, "access_token", "ACCESS_TOKEN");
    PaymentsApi payments = new PaymentsApi(client);
    String reference = System.getenv("REFERENCE");
    CreatePaymentAnswer posted = payments.createPayment(payment(350.1), null, reference, null);
    System.out.println("posted " + posted.getPaymentId());
    Payment read = payments.getPayment(posted.getPaymentId()).getData();
    System.out.println("read " + read.getPaymentId() + " " + read.getAmount());
    PaymentList listed = payments.listPayments(null, null, reference, null, null, null, 1, null);
    System.out.println("listed " + listed.getData().get(0).getPaymentId());
    System.out.println("refused " + refusalOf(() -> payments.createPayment(payment(350.123), null, null, null)));
    System.out.println("missing " + refusalOf(() -> payments.getPayment("0".repeat(32))));
    PaymentCreatedEvent event = PaymentCreatedEvent.fromJson(System.getenv("EVENT"));
    System.out.println("event " + event.getType() + " " + event.getData().getPaymentId());
    System.exit(0);
  }
}
