#include "notify/webhook_sign.h"

#include <sodium.h>
#include <string.h>

#include "tests/unit.h"

/* The example of the Standard Webhooks specification. */
static void test_specification(void **state) {
    (void)state;
    static const char base64[] = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", body[] = "{\"test\": 2432232314}";
    unsigned char secret[WEBHOOK_SECRET_BYTES];
    char text[WEBHOOK_SECRET_TEXT_BYTES], signature[WEBHOOK_SIGNATURE_BYTES];
    assert_int_equal(sodium_base642bin(secret, sizeof secret, base64, strlen(base64), NULL, NULL, NULL,
                                       sodium_base64_VARIANT_ORIGINAL),
                     0);
    webhook_secret_text(secret, text);
    assert_string_equal(text, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    webhook_signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, strlen(body), signature);
    assert_string_equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_specification)};
    if (sodium_init() < 0) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
