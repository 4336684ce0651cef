// Minimum cut of a small directed graph (Dinic), the cut that lies nearest to the sink.
#pragma once

#include <cstdint>
#include <vector>

namespace kiln::passes {

class MinCut {
public:
  static constexpr std::int64_t kInfinite = INT64_MAX / 4;
  explicit MinCut(int nodes) : first(nodes, -1) {}
  void addEdge(int from, int to, std::int64_t capacity);
  /// For each node whether it lies on the sink's side.
  std::vector<bool> sinkSide(int source, int sink);

private:
  struct Edge {
    int to, next;
    std::int64_t capacity;
  };
  bool findLevels(int source, int sink);
  std::int64_t push(int node, int sink, std::int64_t flow);

  std::vector<int> first, level, at;
  std::vector<Edge> edges; ///< edge e and its reverse e ^ 1
};

} // namespace kiln::passes
