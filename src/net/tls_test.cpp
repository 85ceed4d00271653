// TLS against a local server whose certificates are made here.
#include <unistd.h>

#include <filesystem>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/files.hpp"
#include "net/http.hpp"
#include "net/test_server.hpp"

namespace sofia::net {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Reply = TestServer::Reply;
using Request = TestServer::Request;

const StopFlag never{};

// A self-signed certificate and its key, as PEM.
struct Identity {
    std::string certificate;
    std::string key;
};

std::string pem(const std::function<int(BIO*)>& write) {
    BIO* const memory = BIO_new(BIO_s_mem());
    write(memory);
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory, &data);
    std::string out(data, static_cast<std::size_t>(size));
    BIO_free(memory);
    return out;
}

// `names` as in `IP:127.0.0.1,DNS:localhost`; valid from now for `seconds`, which may be negative.
Identity make_identity(const char* names, long seconds) {
    EVP_PKEY* const key = EVP_EC_gen("P-256");
    X509* const certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -86'400);
    X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
    X509_set_pubkey(certificate, key);
    X509_NAME* const name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(certificate, key, EVP_sha256());
    Identity out{pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); }),
                 pem([&](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); })};
    X509_free(certificate);
    EVP_PKEY_free(key);
    return out;
}

boost::asio::ssl::context server_context(const Identity& identity) {
    boost::asio::ssl::context context(boost::asio::ssl::context::tls_server);
    context.use_certificate(boost::asio::buffer(identity.certificate), boost::asio::ssl::context::pem);
    context.use_private_key(boost::asio::buffer(identity.key), boost::asio::ssl::context::pem);
    return context;
}

class Tls : public testing::Test {
protected:
    Tls() {
        std::string pattern = (fs::temp_directory_path() / "sofia_tls_XXXXXX").string();
        folder_ = mkdtemp(pattern.data());
        options_.retries = 1;
        options_.retry_wait = "1ms";
    }
    ~Tls() override { fs::remove_all(folder_); }

    // What a client that trusts `identity` gets from a server that shows it.
    Result<HttpResponse> ask(const Identity& identity, const std::string& host = "127.0.0.1") {
        boost::asio::ssl::context context = server_context(identity);
        const TestServer server([](const Request&) { return Reply{TestServer::answer(200, "secret")}; }, &context);
        EXPECT_TRUE(write_file(folder_ / "ca.pem", identity.certificate));
        options_.ca_file = (folder_ / "ca.pem").string();
        return get("https://" + host + ":" + std::to_string(server.port()) + "/", options_, never);
    }

    fs::path folder_;
    HttpOptions options_;
};

TEST_F(Tls, ATrustedCertificateForTheHostIsTaken) {
    EXPECT_EQ(ask(make_identity("IP:127.0.0.1", 3600)).value().body, "secret");
    EXPECT_EQ(ask(make_identity("DNS:localhost", 3600), "localhost").value().body, "secret");
}

TEST_F(Tls, ACertificateForAnotherHostIsRefused) {
    EXPECT_THAT(ask(make_identity("IP:127.0.0.2", 3600)).error().message, HasSubstr("certificate refused: IP address mismatch"));
    EXPECT_THAT(ask(make_identity("DNS:example.com", 3600), "localhost").error().message, HasSubstr("certificate refused: hostname mismatch"));
}

TEST_F(Tls, AnExpiredCertificateIsRefused) {
    EXPECT_THAT(ask(make_identity("IP:127.0.0.1", -60)).error().message, HasSubstr("certificate refused: certificate has expired"));
}

TEST_F(Tls, AnUnknownAuthorityIsRefusedByDefault) {
    boost::asio::ssl::context context = server_context(make_identity("IP:127.0.0.1", 3600));
    const TestServer server([](const Request&) { return Reply{TestServer::answer(200, "secret")}; }, &context);
    const auto response = get(server.url("/"), options_, never);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::unavailable);
    EXPECT_THAT(response.error().message, HasSubstr("certificate refused: self-signed certificate"));
    EXPECT_EQ(server.requests().size(), 0U);
}

TEST_F(Tls, AFileOfAuthoritiesThatIsNotThereIsAnError) {
    options_.ca_file = "/nowhere/ca.pem";
    boost::asio::ssl::context context = server_context(make_identity("IP:127.0.0.1", 3600));
    const TestServer server([](const Request&) { return Reply{}; }, &context);
    const auto response = get(server.url("/"), options_, never);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::io);
    EXPECT_THAT(response.error().message, HasSubstr("/nowhere/ca.pem"));
}

// Anyone on the way can end a connection; only the sender's close_notify says that an answer without a length is whole.
TEST_F(Tls, AnAnswerOfUnknownLengthThatIsCutIsNotTakenForWhole) {
    const Identity identity = make_identity("IP:127.0.0.1", 3600);
    boost::asio::ssl::context context = server_context(identity);
    const TestServer server([](const Request&) { return Reply{"HTTP/1.1 200 OK\r\n\r\nhalf"}; }, &context);
    ASSERT_TRUE(write_file(folder_ / "ca.pem", identity.certificate));
    options_.ca_file = (folder_ / "ca.pem").string();
    const auto response = get(server.url("/"), options_, never);
    ASSERT_FALSE(response);
    EXPECT_THAT(response.error().message, HasSubstr("the connection was cut"));
}

TEST_F(Tls, ARedirectToPlainHttpIsRefused) {
    const Identity identity = make_identity("IP:127.0.0.1", 3600);
    boost::asio::ssl::context context = server_context(identity);
    const TestServer plain([](const Request&) { return Reply{TestServer::answer(200, "open")}; });
    const TestServer server([&](const Request&) { return Reply{TestServer::answer(302, "", "Location: " + plain.url("/") + "\r\n")}; }, &context);
    ASSERT_TRUE(write_file(folder_ / "ca.pem", identity.certificate));
    options_.ca_file = (folder_ / "ca.pem").string();
    const auto response = get(server.url("/"), options_, never);
    ASSERT_FALSE(response);
    EXPECT_THAT(response.error().message, HasSubstr("redirected from https to http://"));
    EXPECT_EQ(plain.requests().size(), 0U);
}

}  // namespace
}  // namespace sofia::net
