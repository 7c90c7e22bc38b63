// An encrypted prediction from a program of your own: link blindsight_client and nothing else of this project.
//
//   example_predict CLIENT.toml IMAGE...
#include <client/client.h>
#include <config/config.h>

#include <iostream>
#include <vector>

using namespace blindsight;

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: example_predict CLIENT.toml IMAGE...\n";
    return 2;
  }
  const auto config = config::load_client(argv[1]);
  if (!config) {
    std::cerr << config.error().text() << '\n';
    return 2;
  }
  // [quoted in README.md: from here ...
  client::Client client(*config);  // connections are made when they are needed, and kept
  auto plan = client.deployed_plan();
  if (!plan) {
    std::cerr << plan.error().what << '\n';
    return 1;
  }
  const auto model = client::Model::make(*protocol::choice_of("blink"), *plan);
  if (!model) {
    std::cerr << model.error().what << '\n';
    return 1;
  }
  std::vector<client::Query> queries;  // the client sends as many at once as the servers take
  for (int i = 2; i < argc; ++i) {
    const auto images = model::load_images(argv[i], plan->preprocessing);
    if (!images) {
      std::cerr << images.error().what << '\n';
      return 2;
    }
    for (const auto& image : *images) queries.push_back(client.submit(*model, image));
  }
  for (const auto& query : queries) {
    const auto& answer = query.get();
    if (!answer) {
      // A kind that a program can decide by, words for a person, and whether asking again makes sense.
      std::cerr << protocol::name(answer.error().fault) << ": " << answer.error().what << '\n';
      return 1;
    }
    for (const double logit : answer->logits) std::cout << logit << ' ';
    std::cout << "in " << answer->report.total_s << " s\n";
  }
  // ... to here]
  return 0;
}
