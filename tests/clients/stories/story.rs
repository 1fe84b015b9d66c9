// openapi-generator, rust.
use openapi::apis::{configuration::Configuration, payments_api, Error, ResponseContent};
use openapi::models::{CreatePayment, ErrorReply, PaymentCreatedEvent};
use std::env::var;

fn refusal<T, E: std::fmt::Debug>(result: Result<T, Error<E>>) -> String {
    match result {
        Err(Error::ResponseError(ResponseContent { status, content, .. })) => {
            let reply: ErrorReply = serde_json::from_str(&content).unwrap();
            format!("{} {}", status.as_u16(), reply.code)
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => "not refused".to_string(),
    }
}

#[tokio::main]
async fn main() {
    let mut headers = reqwest::header::HeaderMap::new();
    for (name, variable) in [("client_id", "CLIENT_ID"), ("client_secret", "CLIENT_SECRET"), ("access_token", "ACCESS_TOKEN")] {
        headers.insert(name, var(variable).unwrap().parse().unwrap());
    }
    let mut configuration = Configuration::new();
    configuration.base_path = var("BASE_URL").unwrap();
    configuration.client = reqwest::Client::builder().default_headers(headers).build().unwrap();
    let reference = var("REFERENCE").unwrap();
    let payment = |amount| CreatePayment::new("MRN-12345".into(), "Card".into(), reference.clone(), "1404".into(), amount);

    let posted = payments_api::create_payment(&configuration, payment(350.1), None, Some(&reference), None).await.unwrap();
    let id = posted.payment_id.unwrap();
    println!("posted {id}");
    let read = payments_api::get_payment(&configuration, &id).await.unwrap().data;
    println!("read {} {}", read.payment_id, read.amount);
    let listed = payments_api::list_payments(&configuration, None, None, Some(&reference), None, None, None, Some(1), None).await.unwrap();
    println!("listed {}", listed.data[0].payment_id);
    println!("refused {}", refusal(payments_api::create_payment(&configuration, payment(350.123), None, None, None).await));
    println!("missing {}", refusal(payments_api::get_payment(&configuration, &"0".repeat(32)).await));
    let event: PaymentCreatedEvent = serde_json::from_str(&var("EVENT").unwrap()).unwrap();
    println!("event {} {}", serde_json::to_value(&event.r#type).unwrap().as_str().unwrap(), event.data.payment_id);
}
