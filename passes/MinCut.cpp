// Dinic's algorithm; programs have hundreds of nodes, so the plainest form serves.
#include "MinCut.h"

#include <algorithm>

namespace kiln::passes {

void MinCut::addEdge(int from, int to, std::int64_t capacity) {
  edges.push_back({to, first[from], capacity});
  first[from] = static_cast<int>(edges.size()) - 1;
  edges.push_back({from, first[to], 0});
  first[to] = static_cast<int>(edges.size()) - 1;
}

bool MinCut::findLevels(int source, int sink) {
  level.assign(first.size(), -1);
  level[source] = 0;
  std::vector<int> queue{source};
  for (std::size_t i = 0; i < queue.size(); ++i)
    for (int e = first[queue[i]]; e >= 0; e = edges[e].next)
      if (edges[e].capacity > 0 && level[edges[e].to] < 0) {
        level[edges[e].to] = level[queue[i]] + 1;
        queue.push_back(edges[e].to);
      }
  return level[sink] >= 0;
}

std::int64_t MinCut::push(int node, int sink, std::int64_t flow) {
  if (node == sink) return flow;
  for (int& e = at[node]; e >= 0; e = edges[e].next) {
    Edge& edge = edges[e];
    if (edge.capacity <= 0 || level[edge.to] != level[node] + 1) continue;
    if (std::int64_t pushed = push(edge.to, sink, std::min(flow, edge.capacity))) {
      edge.capacity -= pushed;
      edges[e ^ 1].capacity += pushed;
      return pushed;
    }
  }
  return 0;
}

std::vector<bool> MinCut::sinkSide(int source, int sink) {
  while (findLevels(source, sink)) {
    at = first;
    while (push(source, sink, kInfinite))
      ;
  }
  // Nodes from which the sink can still be reached: backwards over edges with capacity left.
  std::vector<bool> side(first.size(), false);
  side[sink] = true;
  std::vector<int> queue{sink};
  for (std::size_t i = 0; i < queue.size(); ++i)
    for (int e = first[queue[i]]; e >= 0; e = edges[e].next)
      if (int from = edges[e].to; edges[e ^ 1].capacity > 0 && !side[from]) {
        side[from] = true;
        queue.push_back(from);
      }
  return side;
}

} // namespace kiln::passes
